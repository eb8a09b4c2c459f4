# SPDX-License-Identifier: Apache-2.0
"""The status of a conductor: whether it answers, whether its database does, and which site it belongs to."""

from valence import version
from valence.bus import messaging


class StatusEndpoint:
    """The namespace ``conductor`` of ``valence.conductor.client``."""

    namespace = "conductor"

    def __init__(self, host, health, site):
        self._host, self._health, self._site = host, health, site

    @messaging.expose
    def ping(self, context):
        """Return the name, version, site and topics of this conductor, and since when its store is unavailable."""
        return {
            "host": self._host,
            "version": version.version_string(),
            "store": self._health.problem,
            "topics": [messaging.BULK_TOPIC, *messaging.NEW_TOPICS],
            "clock": self._site.clock.bounds,
            "site": self._site.site,
            "foreign_site": self._site.other,
        }

    @messaging.expose
    def announce(self, context):
        """Do nothing: the site of the caller is checked before each call."""
