# SPDX-License-Identifier: Apache-2.0
"""Whether this conductor is there, and how it is."""

from valence import version
from valence.common import messaging
from valence.conductor.rpc import rpc


class StatusEndpoint:
    """The namespace ``conductor`` of ``valence.conductor.client``."""

    namespace = "conductor"

    def __init__(self, host, health, site):
        self._host, self._health, self._site = host, health, site

    @rpc
    def ping(self, context):
        """Return who answers, since when its store is away, if it is, and what callers need to know."""
        return {
            "host": self._host,
            "version": version.version_string(),
            "store": self._health.problem,
            "topics": [messaging.BULK_TOPIC, *messaging.NEW_TOPICS],
            "clock": self._site.clock.bounds,
            "site": self._site.site,
            "foreign_site": self._site.other,
        }

    @rpc
    def announce(self, context):
        """Do nothing: the site of the caller is checked before."""
