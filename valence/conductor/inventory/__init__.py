# SPDX-License-Identifier: Apache-2.0
"""Synchronization: read a pod manager, compare with the stored rows, store the difference."""
