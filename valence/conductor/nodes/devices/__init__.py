# SPDX-License-Identifier: Apache-2.0
"""Devices of nodes that are composed: which ones a machine can get, and the operations that add and remove them."""
