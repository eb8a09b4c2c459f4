# SPDX-License-Identifier: Apache-2.0
"""Scarcity: find out for many places at once that they lack a part which was missing in another place."""

from collections import abc

from valence.composition import candidates
from valence.composition import combining
from valence.composition import requirements
from valence.db import models
from valence.db import store


class Scarce:
    """Parts that were missing in a place: what the next places have of them is read by one query for each part.

    ``group`` are the zonings of these places.
    """

    def __init__(self, database: store.Store, where: abc.Sequence[store.Filter]) -> None:
        self._store, self._where = database, where
        self.parts: set[requirements.Part] = set()
        self._group: abc.Sequence[str] = ()
        self._found: dict[requirements.Part, dict[str, list[models.Device]]] = {}

    @property
    def group(self) -> abc.Sequence[str]:
        """The zonings that one query reads."""
        return self._group

    @group.setter
    def group(self, zonings: abc.Sequence[str]) -> None:
        self._group, self._found = list(dict.fromkeys(zonings)), {}

    def is_missing(self, part: requirements.Part, place: candidates.Place) -> bool:
        """Return whether a place is known to have too little of a part that was missing elsewhere."""
        if part not in self.parts or len(self._group) < 2:
            return False
        if part not in self._found:
            self._found[part] = candidates.by_zoning(self._store, part, self._group, self._where)
        known = [self._found[part].get(zoning) for zoning in place.zonings]
        devices = [device for each in known for device in each or ()]
        return None not in known and combining.amount(part, devices) < part.count
