# SPDX-License-Identifier: Apache-2.0
"""The doorbell: somebody stored an operation."""

from valence.conductor.rpc import rpc


class OperationsEndpoint:
    """The namespace ``operations`` of ``valence.conductor.client``."""

    namespace = "operations"

    def __init__(self, ring):
        self._ring = ring

    @rpc
    def ring(self, context):
        """Look now for work, and for who shares it."""
        self._ring()
