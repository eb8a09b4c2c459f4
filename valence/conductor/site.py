# SPDX-License-Identifier: Apache-2.0
"""Which site this conductor belongs to, and whether another one is on the same message bus by mistake."""

import uuid

from oslo_log import log

from valence.common import bus_errors
from valence.common import deadline
from valence.common import errors
from valence.conductor import periodic
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

#: seconds between two announcements, and for which another site that was heard is thought to be there
INTERVAL = 10.0
FRESH_SECONDS = 60
#: seconds between two answers to announcements, and between two errors in the log
ANSWER_SECONDS, LOG_SECONDS = 1.0, 60


class Site:
    """The identity of this conductor's database, and the clock of it: see ``valence.common.rpc_server.Gate``.

    ``announce()`` sends something with this site's identity to all conductors on the bus. Two sites that hear of each
    other refuse callers that do not say which of them they want: such a caller may just have started, and believes
    whichever conductor answers first.
    """

    def __init__(self, conf, database, announce=lambda: None):
        self._chosen, self._store, self.announce = conf.site, database, announce
        self.clock = deadline.Clock()
        self.site = None
        self._other, self._heard_at = None, 0.0
        self._answered_at = self._logged_at = float("-inf")
        self._loop = periodic.Loop("site", self._announce, INTERVAL)

    def read(self):
        """Read the identity from the database, or make it; raise SiteMismatch if [DEFAULT] site names another one."""
        self.site = self._stored()
        if self._chosen not in (None, self.site):
            raise bus_errors.SiteMismatch(mine=self._chosen, other=self.site)

    def start(self):
        """Begin to announce this site."""
        self._loop.start()

    def stop(self):
        """End announcing."""
        self._loop.stop()

    def _announce(self):
        self.announce()

    @property
    def other(self):
        """Another site that is on the message bus, None if none was heard lately."""
        return self._other if deadline.now() - self._heard_at < FRESH_SECONDS else None

    def require_site(self, site):
        """Raise SiteMismatch for a caller of another site, and for one that names none while there is another."""
        if site not in (None, self.site):
            self._note(site)
            raise bus_errors.SiteMismatch(mine=site, other=self.site)
        if site is None and (other := self.other):
            raise bus_errors.SiteMismatch(mine="that it does not know", other=f"{self.site} and {other}")

    def _note(self, site):
        now = deadline.now()
        self._other, self._heard_at = site, now
        if now - self._answered_at > ANSWER_SECONDS:
            self._answered_at = now
            self.announce()
        if now - self._logged_at > LOG_SECONDS:
            self._logged_at = now
            error = bus_errors.SiteMismatch(mine=self.site, other=site)
            LOG.error("%s %s", error.detail, error.problems[0]["hint"])

    def _stored(self):
        for _ in range(2):
            try:
                return self._store.get(models.Site, models.Site.NAME).uuid
            except errors.NotFound:
                self._make()
        return self._store.get(models.Site, models.Site.NAME).uuid

    def _make(self):
        new = models.Site(name=models.Site.NAME, uuid=str(uuid.uuid4()))
        try:
            self._store.commit(store.Create(new))
        except errors.Duplicate:
            LOG.debug("another conductor made the identity of this site at the same time")
