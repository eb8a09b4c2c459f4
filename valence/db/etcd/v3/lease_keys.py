# SPDX-License-Identifier: Apache-2.0
"""Leases on etcd's v3 API: transactions of their own, beside the commits, which wait for one another.

A commit under a lease compares the lease's key too, so that it fails if the lease changed hands in the meantime.
"""

import itertools
import time

from valence.common import errors
from valence.db.etcd import index
from valence.db.etcd.v3 import gateway

#: seconds for which a change is tried anew while others are faster
LONGEST_WAIT = 10
#: most keys of one transaction
MOST_KEYS = 100


class LeaseKeys:
    """The keys of the leases of one store; the tokens are revisions of etcd, so that they grow."""

    def __init__(self, etcd):
        self._gateway = etcd

    def change(self, places, plan):
        """Write the texts of ``plan({place: text}, token) -> (texts, result)`` unless others change them meanwhile."""
        places, deadline = list(places), time.monotonic() + LONGEST_WAIT
        while True:
            found, revision = self._read(places)
            texts, result = plan({place: text for place, (text, _) in found.items()}, revision + 1)
            if self._write(found, texts):
                return result
            if time.monotonic() > deadline:
                raise errors.Conflict(reason="Others change the same leases all the time.")

    def guard(self, snapshot, place):
        """Return the text of a place; a commit on this snapshot fails if anybody writes there before."""
        text, snapshot.guards[place] = self._read([place])[0][place]
        return text

    def below(self, _snapshot, folder):
        """Return all texts in a folder."""
        answer = self._gateway.range(folder, folder + index.HIGHEST)
        return [gateway.decoded(each["value"]) for each in answer.get("kvs", ())]

    def _read(self, places):
        """Return {place: (text or None, revision of its last change)}, and the revision of the store before that."""
        found, revision = {}, None
        for share in _shares(places):
            answers = self._gateway.ranges([gateway.ranged(place) for place in share])
            revision = revision or int(answers[0]["header"]["revision"])
            found |= {place: _content(answer) for place, answer in zip(share, answers, strict=True)}
        return found, revision

    def _write(self, found, texts):
        """Write texts, None to remove one; return whether nobody else had changed any of them."""
        return all(
            self._exchange(found, {place: texts[place] for place in share}) for share in _shares(texts)
        )

    def _exchange(self, found, texts):
        same = [gateway.unchanged(place, found[place][1]) for place in texts]
        is_done, is_open = self._gateway.exchange(same, [*map(gateway.operation, texts.items())])
        return is_done or (
            is_open and texts == {place: each[0] for place, each in self._read(texts)[0].items()}
        )


def _content(answer):
    stored = answer.get("kvs")
    return (gateway.decoded(stored[0]["value"]), int(stored[0]["mod_revision"])) if stored else (None, 0)


def _shares(places):
    places = iter(places)
    return iter(lambda: list(itertools.islice(places, MOST_KEYS)), [])
