# SPDX-License-Identifier: Apache-2.0
"""All database code: models, types, the store interface and its drivers."""
