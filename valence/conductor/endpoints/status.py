# SPDX-License-Identifier: Apache-2.0
"""Whether this conductor is there, and how it is."""

from valence import version
from valence.conductor.rpc import rpc


class StatusEndpoint:
    """The namespace ``conductor`` of ``valence.conductor.client``."""

    namespace = "conductor"

    def __init__(self, host, health):
        self._host, self._health = host, health

    @rpc
    def ping(self, context):
        """Return who answers, and since when its store is away, if it is."""
        return {"host": self._host, "version": version.version_string(), "store": self._health.problem}
