# SPDX-License-Identifier: Apache-2.0
"""Valence: what hardware is where, behind which pod manager, and what changed.

This file imports nothing: programs of clients import it, too.
"""
