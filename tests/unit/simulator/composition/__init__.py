# SPDX-License-Identifier: Apache-2.0
"""Composition in the simulator."""
