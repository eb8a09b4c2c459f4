# SPDX-License-Identifier: Apache-2.0
"""Tests of nodes that Ironic manages."""
