# SPDX-License-Identifier: Apache-2.0
"""Leases on etcd's v2 API, which compares one key at a time: they change by commits, as everything that guards one."""

from valence.db.etcd import draft


class LeaseKeys:
    """The keys of the leases of one store; the tokens are numbers of commits, so that they grow."""

    def __init__(self, commits):
        self._commits = commits

    def take(self, place, plan):
        """Write the text of ``plan(text, token) -> (text, result)`` in the place of what is there."""

        def drafted(snapshot):
            text, result = plan(snapshot.read([place])[place], snapshot.head.number + 1)
            return _batch({place: text}), result

        return self._commits.run(drafted)

    def change(self, places, plan):
        """Write the texts of ``plan({place: text}) -> (texts, result)`` unless others change them meanwhile."""
        places = list(places)

        def drafted(snapshot):
            texts, result = plan(snapshot.read(places))
            return _batch(texts), result

        return self._commits.run(drafted)

    def guard(self, snapshot, place):
        """Return the text of a place; a commit on this snapshot fails if another holder writes there before."""
        return snapshot.read([place])[place]

    def below(self, snapshot, folder):
        """Return all texts in a folder."""
        return snapshot.texts_below(folder)


def _batch(texts):
    batch = draft.Batch()
    batch.texts = texts
    return batch
