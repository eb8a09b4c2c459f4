# SPDX-License-Identifier: Apache-2.0
"""The thin REST API: validation, policy and rendering; no database, no hardware."""
