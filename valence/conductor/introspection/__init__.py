# SPDX-License-Identifier: Apache-2.0
"""Introspection in a conductor: its states, the preparation of machines, the intake of documents."""
