# SPDX-License-Identifier: Apache-2.0
"""Nodes that a pod manager allocates, as Intel RSD does."""
