# SPDX-License-Identifier: Apache-2.0
"""What a caller learns from the answers of conductors: their site, their database's clock, and what they serve."""

import threading

from oslo_log import log

from valence.common import bus_errors
from valence.common import deadline
from valence.common import messaging

LOG = log.getLogger(__name__)

#: seconds for which what one conductor said is believed
FRESH_SECONDS = 10
#: seconds between two errors in the log
LOG_SECONDS = 60
#: seconds that a conductor gets to say what it serves
ASK_SECONDS = 1.5


class Conductors:
    """Keeps what conductors say; ``ask(timeout, server)`` returns what one says of itself.

    A conductor that calls others knows site and clock by itself, from its ``gate``.
    """

    def __init__(self, conf, ask, gate=None):
        self._ask, self._gate = ask, gate
        self._clock = gate.clock if gate else deadline.Clock()
        self._site, self._problem, self._logged_at = conf.site, None, float("-inf")
        self._served, self._lock = {}, threading.Lock()

    @property
    def site(self):
        """The site that this process belongs to; None while it is not known."""
        return self._gate.site if self._gate else self._site

    def require_site(self):
        """Raise SiteMismatch while conductors of two sites answer and this process belongs to neither."""
        if self._problem:
            raise self._problem

    def ping(self, timeout):
        """Ask any conductor how it is, and learn from its answer."""
        asked_at = deadline.now()
        answer = self._ask(timeout)
        self._hear(answer, asked_at, deadline.now())
        return answer

    def topic(self, topic, server=None):
        """Return where calls go that belong to ``topic``: conductors of the first version serve fewer topics."""
        if topic not in messaging.NEW_TOPICS or topic in self._topics(server):
            return topic
        return messaging.TOPIC

    def envelope(self, context, timeout, silence):
        """Return the Envelope of a call that is made now."""
        sent = self._clock.earliest(deadline.now())
        said = None if sent is None else {"sent": sent, "timeout": timeout, "silence": silence}
        return messaging.Envelope(context, said, self.site)

    def _topics(self, server):
        """Return the topics that a conductor, or some conductor, is known to serve."""
        with self._lock:
            heard_at, topics = self._served.get(server, (0, ()))
        if server is not None and deadline.now() - heard_at > FRESH_SECONDS:
            self._note(server, topics := tuple(self._ask(ASK_SECONDS, server).get("topics") or ()))
        return topics if server is not None or deadline.now() - heard_at < FRESH_SECONDS else ()

    def _hear(self, answer, asked_at, heard_at):
        self._hear_site(answer)
        if clock := answer.get("clock"):
            earliest, latest = clock
            self._clock.hear(earliest, latest, asked_at, heard_at)
        # Some may be of the first version: their answers do not count.
        if topics := answer.get("topics"):
            self._note(None, tuple(topics))

    def _note(self, server, topics):
        with self._lock:
            self._served[server] = deadline.now(), topics

    def _hear_site(self, answer):
        site, foreign = answer.get("site"), answer.get("foreign_site")
        if site is None:
            return
        if self._site is None and not foreign:
            self._site = site
            LOG.info("this process belongs to the site %s", site)
        if site == self._site:
            self._problem = None
            return
        # An answer of another site, or of one of two between which this process cannot choose.
        error = bus_errors.SiteMismatch(mine=self._site or "that is not known yet", other=foreign or site)
        self._problem = None if self._site else error
        self._log(error)

    def _log(self, error):
        if deadline.now() - self._logged_at > LOG_SECONDS:
            self._logged_at = deadline.now()
            LOG.error("%s %s", error.detail, error.problems[0]["hint"])
