# SPDX-License-Identifier: Apache-2.0
"""The members of an etcd cluster: one is asked as long as it answers, then the next one."""

import time

from oslo_log import log

from valence.common import errors
from valence.db.etcd import failures

LOG = log.getLogger(__name__)

#: seconds that a request may take; etcd itself gives up after 7, and says why
ANSWER_SECONDS = 8
CONNECT_SECONDS = 1
#: seconds that a look whether etcd is there may take
HURRIED_SECONDS = 1.5
#: seconds that a call goes on trying, and pauses between two tries; the last one is repeated
PATIENCE = 1.0
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2)


class Endpoints:
    """The clients of a cluster's members, for any number of threads."""

    def __init__(self, clients):
        self._clients, self._present = clients, 0

    def ask(self, request):
        """Return ``request(client)``, which may be asked several times; raise StoreUnavailable."""
        return self.ask_again(request)[0]

    def ask_again(self, request):
        """Return ``request(client)``, and whether an earlier try was left without an answer."""
        deadline, tries = time.monotonic() + PATIENCE, 0
        while True:
            present = self._present
            try:
                return request(self._clients[present]), tries > 0
            except failures.Lost as error:
                tries += 1
                self._present = (present + 1) % len(self._clients)
                if tries >= len(self._clients) and time.monotonic() > deadline:
                    raise errors.StoreUnavailable(reason=str(error)) from error
                LOG.debug("etcd: %s; trying again", error)
            time.sleep(PAUSES[min(tries, len(PAUSES)) - 1])

    def each(self, act):
        """Call ``act(client)`` for every member."""
        for client in self._clients:
            act(client)

    def ask_once(self, request):
        """Return ``request(client)`` of the first member that answers, each asked once; raise StoreUnavailable."""
        for number in range(len(self._clients)):
            try:
                return request(self._clients[(self._present + number) % len(self._clients)])
            except failures.Lost as error:
                lost = error
        raise errors.StoreUnavailable(reason=str(lost)) from lost
