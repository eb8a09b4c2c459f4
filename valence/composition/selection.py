# SPDX-License-Identifier: Apache-2.0
"""Selection: choose the devices of a node, or say what was tried.

Parts ask for one page of their free devices. The part with the fewest leads: the zones of its candidates are tried in
random order, by one query for each part. Of eight zones that fit a policy takes one; a request without a policy gets
the first. Among equal devices chance decides, so that writers who choose at the same time seldom choose the same.
"""

import dataclasses
import functools
import itertools
import math
import random
import time
import typing
from collections import abc

from valence.composition import candidates
from valence.composition import combining
from valence.composition import requirements
from valence.composition import scarcity
from valence.composition import weighing
from valence.db import models
from valence.db import store

#: places that fit, of which the policy takes one: so many for a request that names a policy, or else the first
MOST_FITS, FEW_FITS = 8, 1
#: places that are tried at least before the policy takes one of fewer
ENOUGH = 16
#: zonings from which on simultaneous requests are spread by the zoning, and not only by the device
FEW_PLACES = 12
#: zonings that are tried at most, and after how many seconds, if ENOUGH were tried, no more are
MOST_ZONINGS, MOST_SECONDS = 200, 2.0
#: most zonings whose places, and scarce devices, are read by one query
GROUP = 32


class Among(typing.NamedTuple):
    """Where devices may come from: a pod manager, a zone, or the zonings of a machine that gets more.

    ``present`` counts by type the devices of that machine, for the limits of its zones. Without ``systems`` no whole
    system is chosen, with ``only_systems`` nothing else; none is chosen of a pod manager with the method ``unless``.
    """

    podm_id: str | None = None
    zone_id: str | None = None
    zonings: tuple[str, ...] = ()
    present: abc.Mapping[str, int] = {}
    systems: bool = True
    only_systems: bool = False
    unless: str | None = None


ANYWHERE = Among()


class Choice(typing.NamedTuple):
    """The devices that were chosen, each with the name of the part that it is for; the base, if any, is the first.

    ``alternatives`` are the places that would have fitted too, ``tried`` is how many zonings were tried, ``because`` is
    a sentence that says why this place was preferred.
    """

    devices: tuple[tuple[str, models.Device], ...]
    place: candidates.Place
    alternatives: tuple[candidates.Place, ...] = ()
    tried: int = 0
    because: str = "They were named."

    @property
    def podm_id(self) -> str:
        """The pod manager of the devices."""
        return self.place.podm_id

    @property
    def uuids(self) -> list[str]:
        """The keys of the devices."""
        return [device.uuid for _, device in self.devices]


class Nothing(typing.NamedTuple):
    """No devices: ``tried`` zonings ``of`` those that came into question, in each of which something was missing.

    ``nearest`` is the best Shortage among them. ``unusable`` is why pod managers with candidates were passed over.
    ``since`` is a value of ``time.monotonic``: what was read of places after it is new enough to explain a refusal.
    ``parts`` are those of the request, with their models; ``is_pooled`` whether memory devices were considered.
    """

    parts: tuple[requirements.Part, ...]
    among: Among
    tried: int = 0
    of: int = 0
    nearest: combining.Shortage | None = None
    unusable: abc.Mapping[str, str] = {}
    since: float = math.inf


def choose(
    database: store.Store,
    wanted: requirements.Wanted,
    *,
    policy: str | None = None,
    among: Among = ANYWHERE,
    avoid: abc.Collection[str] = frozenset(),
) -> Choice | Nothing:
    """Return devices that satisfy ``wanted``, or Nothing with what was tried; only the store is asked.

    ``avoid`` are keys of devices that somebody else took a moment ago.
    """
    search = _Search(database, wanted, policy, among, frozenset(avoid))
    return search.choice() or search.nothing()


class _Search:
    """One selection."""

    def __init__(
        self,
        database: store.Store,
        wanted: requirements.Wanted,
        policy: str | None,
        among: Among,
        avoid: frozenset[str],
    ) -> None:
        self._store, self._policy, self._among, self._avoid = database, policy, among, avoid
        self._layouts = candidates.Layouts(database, fresh=bool(among.zonings))
        self._where = where(database, among, self._layouts)
        self._deadline, self._begun = 0.0, 0
        self._pages: dict[requirements.Part, candidates.Devices] = {}
        self._full: set[requirements.Part] = set()
        self._is_read: set[requirements.Part] = set()
        self._most = MOST_ZONINGS
        self._missing: requirements.Part | None = None
        self._unusable: dict[str, str] = {}
        self._known_podms: set[str] = set()
        self._lead: requirements.Part | None = None
        self._seen: set[tuple[str, ...]] = set()
        self._attempts = self._tried = self._of = 0
        self._since = math.inf
        self._scarce = scarcity.Scarce(database, self._where)
        self._nearest: combining.Shortage | None = None
        memory = combining.memory_part(wanted.memory_mib)
        self._base = wanted.base and self._resolved(wanted.base)
        self._parts = (*map(self._resolved, wanted.parts), *((memory,) if memory else ()))

    def _resolved(self, part: requirements.Part) -> requirements.Part:
        """Return a part with the models of devices that it accepts; if devices have just its text, these only."""
        if part.model is None:
            return part
        exact = dataclasses.replace(part, models=(part.model,))
        self._read([exact], frozenset())
        is_known = self._pages[exact] or exact in self._full
        return exact if is_known else candidates.resolved(self._store, part)

    def choice(self) -> Choice | None:
        """Return what fits best, None if nothing does."""
        fits = self._fits(self._base)
        if not fits and self._base and self._base.memory_mib:
            # No base has the memory: memory devices may complete it.
            fits = self._fits(dataclasses.replace(self._base, memory_mib=0), self._base.memory_mib)
        if not fits:
            return None
        best = random.choice(weighing.best(fits, self._policy))
        order = [self._base, *self._parts]
        taken = sorted(best.devices, key=lambda each: _place_in(order, each[0]))
        devices = tuple((part.name, device) for part, device in taken)
        others = tuple(fit.place for fit in fits if fit is not best)
        return Choice(devices, best.place, others, self._tried, _because(self._policy, len(others)))

    def nothing(self) -> Nothing:
        """Return what was tried."""
        parts = (self._base, *self._parts) if self._base else self._parts
        return Nothing(
            parts, self._among, self._tried, self._of, self._nearest, dict(self._unusable), self._since
        )

    def _fits(self, base: requirements.Part | None, memory_mib: int = 0) -> list[weighing.Fit]:
        """Return what fits, as far as it was looked for."""
        self._seen, self._attempts = set(), 0
        memory = combining.memory_part(memory_mib)
        parts = (*self._parts, *((memory,) if memory else ()))
        # Most requests need no page of a part that many devices satisfy.
        plain = {part for part in parts if base and part is not memory and not weighing.is_selective(part)}
        if fits := self._attempt(base, parts, plain, ENOUGH):
            return fits
        # Nothing is refused because of zones as they were some seconds ago.
        self._since = min(self._since, time.monotonic())
        self._layouts = candidates.Layouts(self._store, fresh=True)
        return self._attempt(base, parts, frozenset(), MOST_ZONINGS)

    def _attempt(
        self,
        base: requirements.Part | None,
        parts: tuple[requirements.Part, ...],
        plain: abc.Set[requirements.Part],
        most: int,
    ) -> list[weighing.Fit]:
        """Return what fits in ``most`` places; pages of ``plain`` parts are not read."""
        self._most, self._begun = min(most, MOST_ZONINGS), self._attempts
        self._deadline = time.monotonic() + MOST_SECONDS
        everything = (base, *parts) if base else parts
        self._read(everything, plain)
        if any(part.device_type == "Memory" and not self._pages[part] for part in parts):
            return []
        fits = self._machine(base, parts) if base else []
        for lead in self._leads(everything):
            found = self._try(lead, base, parts)
            if found or self._is_over() or not self._may_be_covered(lead):
                return fits + found
        return fits

    def _read(self, parts: abc.Iterable[requirements.Part], plain: abc.Set[requirements.Part]) -> None:
        """Read the first page of each part, unless it was read or is ``plain``: that has more than enough."""
        for part in parts:
            if part in plain:
                self._full.add(part)
                self._pages[part] = []
            elif part not in self._is_read:
                self._is_read.add(part)
                page = candidates.page(self._store, part, self._where, candidates.most(part))
                self._pages[part] = self._allowed(part, page)
                (self._full.add if len(page) == candidates.most(part) else self._full.discard)(part)

    def _note_pod_managers(self, podm_ids: abc.Set[str]) -> None:
        if new := podm_ids - self._known_podms:
            self._known_podms |= new
            self._unusable |= candidates.unusable(self._store, new, self._layouts.served())

    def _allowed(self, part: requirements.Part, page: candidates.Devices) -> candidates.Devices:
        """Return the devices that nobody took a moment ago and that the site's own filters accept."""
        if self._avoid:
            page = [device for device in page if device.uuid not in self._avoid]
        return (
            [device for device in page if weighing.passes(device, part)]
            if weighing.own(weighing.FILTERS)
            else page
        )

    def _leads(self, parts: abc.Sequence[requirements.Part]) -> list[requirements.Part]:
        """Return the parts that have candidates, the one with the fewest first; the base goes first among equals."""
        # A full page of devices that cannot be had says nothing of the devices after it.
        having = [part for part in parts if self._pages[part] or part in self._full]
        if not all(self._may_be_covered(part) for part in parts if part not in having):
            return []
        # A full page says that there are more than enough.
        return sorted(having, key=self._number)

    def _number(self, part: requirements.Part) -> float:
        """Return how many candidates a part has; those with a full page have more than enough."""
        return math.inf if part in self._full else len(self._pages[part])

    def _may_be_covered(self, part: requirements.Part) -> bool:
        return self._base is not None and combining.may_be_covered(part)

    def _machine(self, base: requirements.Part, parts: tuple[requirements.Part, ...]) -> list[weighing.Fit]:
        """Return a whole system that has everything by itself, if there is one: of the smallest one at random."""
        part = dataclasses.replace(base, device_type="System")
        if self._among.zonings or not all(map(combining.may_be_covered, parts)):
            return []
        where = [*self._where, *combining.covering(parts)]
        for page in candidates.pages(self._store, part, where):
            self._note_pod_managers({device.podm_id for device in page})
            usable = [device for device in page if device.podm_id not in self._unusable]
            machines = [each for each in self._allowed(part, usable) if combining.covers_all(each, parts)]
            places = candidates.own_places(self._store, machines) if machines else {}
            wanted = [each for each in machines if places[each.uuid].method != self._among.unless]
            if wanted:
                best = combining.in_order(part, wanted)[0]
                place = places[best.uuid]
                return [weighing.Fit(((part, best),), place, self._free(place))]
        return []

    def _free(self, place: candidates.Place) -> abc.Callable[[], int]:
        filters = [candidates.among("zoning", place.zonings), *candidates.FREE]
        return functools.cache(lambda: self._store.count(models.Device, filters=filters))

    def _try(
        self,
        lead: requirements.Part,
        base: requirements.Part | None,
        parts: tuple[requirements.Part, ...],
    ) -> list[weighing.Fit]:
        """Return fits in the zonings of the lead's candidates."""
        most = MOST_FITS if self._policy else FEW_FITS
        self._lead = lead
        fits: list[weighing.Fit] = []
        for place in self._places(lead):
            self._attempts += 1
            self._tried = max(self._tried, self._attempts)
            fit = self._combined(place, base, parts)
            if not isinstance(fit, combining.Shortage):
                fits.append(weighing.Fit(fit, place, self._free(place)))
            elif self._nearest is None or fit.satisfied > self._nearest.satisfied:
                self._nearest = fit
            if len(fits) == most or (fits and self._tried >= ENOUGH):
                break
        return fits

    def _is_over(self) -> bool:
        # A database that is slow is no reason to refuse what was hardly looked for.
        is_late = time.monotonic() > self._deadline and self._attempts - self._begun >= ENOUGH
        return self._tried >= self._most or is_late

    def _places(self, lead: requirements.Part) -> abc.Iterator[candidates.Place]:
        """Yield places that may have candidates of the lead and were not tried before.

        They are read in groups. Most requests need one place only, so that the first group has one zoning.
        """
        zonings, size = self._zonings(lead), 1
        while (group := list(itertools.islice(zonings, size))) and not self._is_over():
            places = self._places_of(group)
            self._scarce.group = [zoning for place in places for zoning in place.zonings]
            for place in places:
                if self._is_over():
                    return
                if place.zonings not in self._seen:
                    self._seen.add(place.zonings)
                    yield place
            size = min(GROUP, 2 * size)

    def _places_of(self, zonings: abc.Sequence[str]) -> list[candidates.Place]:
        """Return the places of zonings that come into question, and were not tried before."""
        by_zoning = {zoning: zoning.partition("/")[0] for zoning in zonings}
        self._note_pod_managers(set(by_zoning.values()))
        self._layouts.read({podm_id for podm_id in by_zoning.values() if podm_id not in self._unusable})
        found = [
            place
            for zoning, podm_id in by_zoning.items()
            if podm_id not in self._unusable
            for place in self._layouts.places(zoning, podm_id)
        ]
        return [place for place in found if place.zonings not in self._seen and self._is_wanted(place)]

    def _is_wanted(self, place: candidates.Place) -> bool:
        is_asked_for = self._among.zone_id in (None, place.zone) and set(self._among.zonings) <= set(
            place.zonings
        )
        return is_asked_for and place.method != candidates.NO_METHOD

    def _zonings(self, lead: requirements.Part) -> abc.Iterator[str]:
        """Yield zonings that may have candidates of the lead, in random order, those of its first page first."""
        first = list(dict.fromkeys(device.zoning for device in self._pages[lead]))
        random.shuffle(first)
        self._of = max(self._of, len(first))
        yield from first
        if lead in self._full and self._most == MOST_ZONINGS and not self._among.zonings:
            rows = self._store.list(models.Zoning, filters=self._of_pod_manager(), fields=())
            more = [row.id for row in rows]
            random.shuffle(more)
            self._of = len(more)
            yield from (zoning for zoning in more if zoning not in first)

    def _of_pod_manager(self) -> list[store.Filter]:
        return [each for each in self._where if each.field == "podm_id"]

    def _combined(
        self,
        place: candidates.Place,
        base: requirements.Part | None,
        parts: tuple[requirements.Part, ...],
    ) -> combining.Taken | combining.Shortage:
        """Return the devices of all parts in a place, or what is missing there."""
        by_part: dict[requirements.Part, candidates.Devices] = {}
        everything = (base, *parts) if base else parts
        # The part that was missing elsewhere is looked for first, then those of which few are left.
        for part in sorted(everything, key=lambda part: (part is not self._missing, self._number(part))):
            is_needed = part.device_type != "Memory" and not self._may_be_covered(part)
            is_scarce = is_needed and part in self._full and self._scarce.is_missing(part, place)
            by_part[part] = [] if is_scarce else self._inside(part, place)
            if is_needed and combining.amount(part, by_part[part]) < part.count:
                self._missing = part
                self._scarce.parts.add(part)
                return combining.Shortage(place, part, len(by_part) - 1)
        return combining.combine(place, base, parts, by_part, self._among.present)

    def _inside(self, part: requirements.Part, place: candidates.Place) -> candidates.Devices:
        """Return candidates in a place: of the page of the part if that has all, else by a query."""
        here = [device for device in self._pages[part] if device.zoning in place.zonings]
        is_spread = part is self._lead and self._of > FEW_PLACES
        if part not in self._full or (is_spread and combining.amount(part, here) >= part.count):
            return here
        limit = candidates.most(part, self._of)
        return self._allowed(part, candidates.inside(self._store, part, place, self._where, limit))


def _place_in(order: abc.Sequence[requirements.Part | None], part: requirements.Part) -> int:
    """Return where a part comes in a request: the base first, memory devices for it last."""
    if part.device_type in candidates.MACHINES:
        return 0
    return order.index(part) if part in order else len(order)


def _because(policy: str | None, others: int) -> str:
    if policy is None and not others:
        return "No policy was named, so that the first place that fits was taken."
    if not others:
        return "Nothing else was found that fits."
    if policy == weighing.SPREAD:
        return f"The policy spread prefers the emptiest place; {others} more would have fitted."
    return (
        f"The policy pack prefers the least waste, then the fullest place; {others} more would have fitted."
    )


def where(database: store.Store, among: Among, layouts: candidates.Layouts) -> list[store.Filter]:
    """Return the filters of the devices that may be chosen."""
    filters = [store.Filter("podm_id", "eq", among.podm_id)] if among.podm_id is not None else []
    if among.zonings:
        places = [
            place for zoning in among.zonings for place in layouts.places(zoning, zoning.partition("/")[0])
        ]
        filters.append(candidates.among("zoning", {each for place in places for each in place.zonings}))
    if among.zone_id:
        filters.append(candidates.among("zoning", _zonings_of(database, among.zone_id)))
    if not among.systems:
        filters.append(store.Filter("device_type", "neq", "System"))
    if among.only_systems:
        filters.append(store.Filter("device_type", "eq", "System"))
    return filters


def _zonings_of(database: store.Store, zone_id: str) -> list[str]:
    """Return the zonings that a zone belongs to."""
    found = database.list(models.Resource, filters=[store.Filter("uuid", "eq", zone_id)], limit=1)
    podm_ids = {row.podm_id for row in found}
    rows = database.list(models.Zoning, filters=[candidates.among("podm_id", podm_ids)]) if podm_ids else ()
    return [row.id for row in rows if zone_id in row.zones]
