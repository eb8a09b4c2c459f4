# SPDX-License-Identifier: Apache-2.0
"""The dialects of the API that are not Valence's own, as clients use them: introspection and backup."""
