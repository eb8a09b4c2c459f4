# SPDX-License-Identifier: Apache-2.0
"""Leases on etcd's v3 API: transactions of their own, beside the commits, which wait for one another.

A commit under a lease compares when the lease's key was made, so that it fails if somebody took the lease meanwhile.
"""

import itertools
import time
import typing

from valence.common import errors
from valence.db.etcd import index
from valence.db.etcd.v3 import gateway

#: seconds for which a change is tried anew while others are faster
LONGEST_WAIT = 10
#: most keys of one transaction
MOST_KEYS = 100


class LeaseKeys:
    """The keys of the leases of one store; the tokens are revisions of etcd, so that they grow.

    Each taking makes the key anew, and what is done by its holder does not: so commits tell by its creation who has it.
    """

    def __init__(self, etcd):
        self._gateway = etcd

    def take(self, place, plan):
        """Write the text of ``plan(text, token) -> (text, result)`` in the place of what is there."""

        def attempt():
            found, revision = self._read([place])
            text, result = plan(found[place].text, revision + 1)
            return self._remove(place, found[place]) and self._make(place, text), result

        return _again(attempt)

    def change(self, places, plan):
        """Write the texts of ``plan({place: text}) -> (texts, result)`` unless others change them meanwhile."""
        places = list(places)

        def attempt():
            found, _ = self._read(places)
            texts, result = plan({place: stored.text for place, stored in found.items()})
            return all(self._write(found, share, texts) for share in _shares(texts)), result

        return _again(attempt)

    def guard(self, snapshot, place):
        """Return the text of a place; a commit on this snapshot fails if it is taken by anybody before."""
        stored = self._read([place])[0][place]
        snapshot.guards.append(gateway.same(place, stored.created))
        return stored.text

    def below(self, _snapshot, folder):
        """Return all texts in a folder."""
        answer = self._gateway.range(folder, folder + index.HIGHEST)
        return [gateway.decoded(each["value"]) for each in answer.get("kvs", ())]

    def _read(self, places):
        """Return {place: Stored}, and the revision of the whole store before that."""
        found, revision = {}, None
        for share in _shares(places):
            answers = self._gateway.ranges([gateway.ranged(place) for place in share])
            revision = revision or int(answers[0]["header"]["revision"])
            found |= {place: _stored(answer) for place, answer in zip(share, answers, strict=True)}
        return found, revision

    def _remove(self, place, stored):
        """Make room; return whether nobody else had changed what was there."""
        if stored.text is None:
            return True
        return self._write({place: stored}, [place], {place: None})

    def _make(self, place, text):
        return self._write({place: NOTHING}, [place], {place: text})

    def _write(self, found, places, texts):
        """Write some of the texts, None to remove one; return whether nobody else had changed any of them."""
        same = [gateway.unchanged(place, found[place].changed) for place in places]
        wanted = {place: texts[place] for place in places}
        is_done, is_open = self._gateway.exchange(same, [*map(gateway.operation, wanted.items())])
        return is_done or (is_open and self._has(wanted))

    def _has(self, texts):
        return texts == {place: stored.text for place, stored in self._read(texts)[0].items()}


class Stored(typing.NamedTuple):
    """What is at a place, and the revisions of its creation and of its last change; 0 where nothing is."""

    text: str | None
    created: int
    changed: int


NOTHING = Stored(None, 0, 0)


def _stored(answer):
    if not (found := answer.get("kvs")):
        return NOTHING
    revisions = (int(found[0][name]) for name in ("create_revision", "mod_revision"))
    return Stored(gateway.decoded(found[0]["value"]), *revisions)


def _again(attempt):
    """Return the result of ``attempt() -> (whether nobody was faster, result)`` when it succeeds."""
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        is_done, result = attempt()
        if is_done:
            return result
        if time.monotonic() > deadline:
            raise errors.Conflict(reason="Others change the same leases all the time.")


def _shares(places):
    places = iter(places)
    return iter(lambda: list(itertools.islice(places, MOST_KEYS)), [])
