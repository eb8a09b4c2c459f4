# SPDX-License-Identifier: Apache-2.0
"""Nodes that Ironic manages: registration there, and what it needs."""
