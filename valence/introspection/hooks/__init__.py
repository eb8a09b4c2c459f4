# SPDX-License-Identifier: Apache-2.0
"""The hooks that come with Valence, one file each."""
