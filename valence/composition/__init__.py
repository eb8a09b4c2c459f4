# SPDX-License-Identifier: Apache-2.0
"""Composition: what a node needs, which devices it gets, why not others, and the rights to them.

Only the store is read. Nothing here knows of the bus, the API or the hardware.
"""
