# SPDX-License-Identifier: Apache-2.0
"""Composition: systems that are made of resource blocks, expanded by them, and taken apart."""
