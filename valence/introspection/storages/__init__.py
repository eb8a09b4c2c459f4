# SPDX-License-Identifier: Apache-2.0
"""Storages of introspection data, and the migration between them."""
