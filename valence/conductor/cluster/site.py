# SPDX-License-Identifier: Apache-2.0
"""The site of this conductor, which is the identity of its database, and the health and clock of that database.

Both are found out in the background, so that no call waits for them. A conductor of another site on the same message
bus is a mistake of configuration: both sites then refuse callers that do not name their site.
"""

import math
import time
import uuid

from oslo_log import log

from valence.bus import messaging
from valence.common import bus_errors
from valence.common import context
from valence.common import errors
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.db import types

LOG = log.getLogger(__name__)

#: seconds between two announcements
INTERVAL = 10.0


class Site(threads.Periodic, messaging.Gate):
    """The identity of this conductor's database, announced to all conductors on the message bus.

    Another site on the same bus is a mistake of configuration, see ``messaging.Gate``.
    """

    def __init__(self, conf, database, announce=lambda: None):
        super().__init__(announce)
        self._chosen, self._store = conf.site, database
        self._loop = threads.Loop("site", lambda: self.announce(), INTERVAL)  # noqa: PLW0108  it is set later

    def read(self):
        """Read the identity from the database, or make it; raise SiteMismatch if [DEFAULT] site names another one."""
        self.site = self._stored()
        if self._chosen not in (None, self.site):
            raise bus_errors.SiteMismatch(mine=self._chosen, other=self.site)

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


HEALTH_INTERVAL = 1.0
#: seconds after which a database that was asked and says nothing counts as away
PATIENCE = 2.0
SILENT = "The database does not answer."


class StoreHealth(threads.Periodic):
    """Pings the store every second, and passes the time of the answer to ``clock``."""

    def __init__(self, database, clock):
        self._store, self._clock = database, clock
        self._problem = None
        self._asked = None
        self._loop = threads.Loop("store-health", self.look, HEALTH_INTERVAL)

    @property
    def problem(self):
        """None while the store answers, else ``{"reason", "since"}``."""
        asked = self._asked
        if asked is not None and time.monotonic() - asked > PATIENCE:
            self._problem = self._problem or {"reason": SILENT, "since": types.now()}
        return self._problem

    def look(self):
        """Ping the store once."""
        self._asked = time.monotonic()
        try:
            self._store.ping()
            asked_at = context.boottime()
            earliest, latest = self._store.clock()
            if math.isfinite(earliest):  # some proxies take its time from etcd's answers
                self._clock.hear(earliest, latest, asked_at, context.boottime())
            self._problem = None
        except errors.StoreUnavailable as error:
            self._problem = self._problem or {"reason": error.detail, "since": types.now()}
        finally:
            self._asked = None
