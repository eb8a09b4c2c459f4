# SPDX-License-Identifier: Apache-2.0
"""Checks of ``valence doctor`` on a host with a configuration; ``valence.client.commands.doctor`` has the others."""
