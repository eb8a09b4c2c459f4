# SPDX-License-Identifier: Apache-2.0
"""Quotas: what the nodes of a project may have together.

What is used is never counted up and down: it is summed from the nodes of the project and their claims, each of which
records the measures that its device had. So it is right after every way in which claims come and go, also after that
of an older version. Two requests cannot both get the last of something: under a limit, the commit of new claims changes
the revision of the project's quota, which was read before the sum. Of several such commits one takes place, and the
others sum again. Claims that end only make room, and need no quota. Without a limit there is no row and no contention.

A limit counts for every request that begins after the answer to its change.
"""

import functools
import random
import time
import typing
from collections import abc

from oslo_config import cfg

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.composition import turns
from valence.db import models
from valence.db import store
from valence.db.models import quota

#: numbers by resource
Numbers = dict[str, int]

#: rows that one query reads
PAGE = 500
#: seconds for which a request competes with others of its project, and the longest pause between two of its attempts
PATIENCE, LONGEST_PAUSE = 2.0, 0.1

#: the names of resources in sentences
WORDS = {
    quota.NODES: "nodes",
    quota.CORES: "cores",
    quota.MEMORY: "MiB of memory",
    quota.STORAGE: "GiB of storage",
    quota.ACCELERATORS: "accelerators",
}
_options: list[cfg.ConfigOpts] = []


def configure(conf: cfg.ConfigOpts) -> None:
    """Take the limits of projects without own ones from the group [quota], whenever they are needed."""
    _options[:] = [conf]


def defaults() -> Numbers:
    """Return the limits of the site, for projects without own ones."""
    return {name: _options[0].quota[name] if _options else quota.NO_LIMIT for name in quota.RESOURCES}


def read(database: store.Store, project_id: str) -> models.Quota | None:
    """Return the quota of a project, None where no limit was ever set for it or needed of it."""
    mine = [store.Filter("project_id", "eq", quota.key_of(project_id))]
    return next(iter(database.list(models.Quota, filters=mine, limit=1)), None)


def effective(row: models.Quota | None) -> Numbers:
    """Return the limits that a project has, with those of the site."""
    own = row.limits if row else {}
    return {name: own.get(name, limit) for name, limit in defaults().items()}


def used(
    database: store.Store, project_id: str, names: abc.Collection[str] = quota.RESOURCES
) -> dict[str, int]:
    """Return how much of some resources the nodes of a project have."""
    if not set(names) - {quota.NODES}:
        mine = [store.Filter("project_id", "eq", project_id)]
        return dict.fromkeys(names, database.count(models.Node, filters=mine))
    numbers = used_by(database, [project_id])[project_id]
    return {name: numbers[name] for name in names}


def used_by(database: store.Store, project_ids: abc.Collection[str]) -> dict[str, Numbers]:
    """Return how much the nodes of each of some projects have, with two queries for PAGE nodes of all of them."""
    numbers = {each: dict.fromkeys(quota.RESOURCES, 0) for each in project_ids}
    mine, marker = [store.Filter("project_id", "in", sorted(project_ids))], None
    is_more = bool(project_ids)
    while is_more:
        rows = database.list(
            models.Node, filters=mine, marker=marker, limit=PAGE, fields=("uuid", "project_id")
        )
        is_more = len(rows) == PAGE
        marker = rows[-1].uuid if rows else None
        _add_nodes(database, numbers, rows)
    return numbers


def _add_nodes(database: store.Store, numbers: dict[str, Numbers], nodes: abc.Sequence[models.Node]) -> None:
    """Add nodes and what they have to the numbers of their projects."""
    owners = {node.uuid: numbers[node.project_id] for node in nodes}
    for mine in owners.values():
        mine[quota.NODES] += 1
    wanted = [store.Filter("node_id", "in", list(owners))]
    names = ("node_id", "device_id", "counted")
    claims = database.list(models.Claim, filters=wanted, fields=names) if owners else ()
    for claim, counted in _counted(database, claims):
        _add(owners[claim.node_id], counted)


def patience(database: store.Store) -> float:
    """Return until when a request may compete with others, of time.monotonic: no longer than its caller waits."""
    deadline = context.write_deadline()
    seconds = PATIENCE if deadline is None else min(PATIENCE, deadline - database.now())
    return time.monotonic() + seconds


def commit(
    database: store.Store,
    project_id: str,
    changes: abc.Sequence[store.Change],
    *,
    is_new: bool,
    lease: store.Lease | None = None,
    end: float | None = None,
) -> abc.Sequence[typing.Any]:
    """Commit changes with new claims of a project, within its limits; return the stored objects.

    ``is_new`` says whether they store a node too; ``end`` is that of ``patience`` where it began before. Raise
    QuotaExceeded, QuotaBusy where others of the project were faster until then, and what the commit raises.
    """
    if not _limits(read(database, project_id)):
        return database.commit(*changes, lease=lease)
    end = patience(database) if end is None else end
    with turns.of(database).turn(project_id, end) as carried:
        claims = [change.obj for change in changes if isinstance(change, store.Create)]
        asked, pause = _asked(database, claims, is_new=is_new), 0.01
        while True:
            guard = _guard(database, project_id, asked, carried)
            try:
                stored = database.commit(*changes, *guard, lease=lease)
            except (errors.RevisionMismatch, errors.Duplicate, errors.NotFound) as error:
                if error.kwargs.get("kind") != models.Quota.kind:
                    raise
                if time.monotonic() > end:
                    raise composition_errors.QuotaBusy() from error
            else:
                carried.add(stored[-1], asked)
                return stored[: len(changes)]
            time.sleep(random.uniform(0, pause))
            pause = min(LONGEST_PAUSE, 2 * pause)


def explained(
    database: store.Store, project_id: str, devices: abc.Iterable[models.Device], *, is_new: bool = True
) -> list[errors.Problem]:
    """Return the problems of a request for devices whose limits would be exceeded; nothing is stored."""
    limits = _limits(read(database, project_id))
    claims = [models.Claim(device_id=device.uuid) for device in devices]
    asked = _asked(database, claims, is_new=is_new)
    names = [name for name in limits if asked[name]]  # what a request does not ask for is not exceeded by it
    return _problems(project_id, limits, used(database, project_id, names) if names else {}, asked)


def measures(database: store.Store, uuids: abc.Collection[str]) -> dict[str, Numbers]:
    """Return what devices count for, by their UUIDs; those that are not known are left out."""
    if not uuids:
        return {}
    wanted = [store.Filter("uuid", "in", sorted(uuids))]
    rows = database.list(models.Device, filters=wanted, fields=quota.MEASURES)
    return {row.uuid: {name: getattr(row, name) for name in quota.MEASURES} for row in rows}


def _guard(
    database: store.Store, project_id: str, asked: Numbers, carried: turns.Carried
) -> list[store.Change]:
    """Return the change that fails where another commit of claims came after what is read here; raise QuotaExceeded."""
    row = read(database, project_id)  # before the sum, or a commit between the two would not be noticed
    limits = _limits(row)
    names = [name for name in limits if asked[name]]
    most = carried.get(row, names)
    # Hardware may have been given back since the last sum: only a new one refuses.
    if most is None or any(most[name] + asked[name] > limits[name] for name in names):
        began = time.monotonic()
        numbers = used(database, project_id, names) if names else {}
        if problems := _problems(project_id, limits, numbers, asked):
            raise composition_errors.QuotaExceeded(problems=problems)
        carried.put(row, numbers, began)
    if row is None:
        return [store.Create(models.Quota(project_id=quota.key_of(project_id)))]
    return [store.Update(row, {})]


def _limits(row: models.Quota | None) -> Numbers:
    """Return the limits that a project has, without what is not limited."""
    return {name: limit for name, limit in effective(row).items() if limit != quota.NO_LIMIT}


def _asked(database: store.Store, claims: abc.Iterable[models.ModelBase], *, is_new: bool) -> Numbers:
    """Return how much a request asks for: that of new claims, among other rows, and of its node if it is new."""
    numbers = dict.fromkeys(quota.RESOURCES, 0) | {quota.NODES: int(is_new)}
    for _, counted in _counted(database, [row for row in claims if isinstance(row, models.Claim)]):
        _add(numbers, counted)
    return numbers


def _counted(
    database: store.Store, claims: abc.Iterable[models.Claim]
) -> abc.Iterator[tuple[models.Claim, Numbers]]:
    """Yield claims with what they count for."""
    unknown: list[models.Claim] = []
    for claim in claims:
        if claim.counted is None:
            unknown.append(claim)
        else:
            yield claim, claim.counted
    known = measures(database, {claim.device_id for claim in unknown})
    yield from ((claim, known[claim.device_id]) for claim in unknown if claim.device_id in known)


def _add(numbers: Numbers, more: Numbers) -> None:
    for name in quota.MEASURES:
        numbers[name] += more.get(name, 0)


def _problems(
    project_id: str, limits: abc.Mapping[str, int], numbers: Numbers, asked: Numbers
) -> list[errors.Problem]:
    """Return a problem for each of the resources with ``numbers`` of which a request would exceed the limit."""
    exceeded = [name for name, number in numbers.items() if number + asked[name] > limits[name]]
    problem = functools.partial(_problem, project_id)
    return [problem(name, limits[name], numbers[name], asked[name]) for name in exceeded]


def _problem(project_id: str, name: str, limit: int, number: int, asked: int) -> errors.Problem:
    whose = f"The project {project_id}" if project_id else "The project without a name"
    word = WORDS[name].removesuffix("s") if limit == 1 else WORDS[name]
    detail = f"{whose} may have {limit} {word} and has {number}; the request asks for {asked} more."
    shown = {"resource": name, "limit": limit, "used": number, "asked": asked}
    return {"detail": detail, "hint": composition_errors.QuotaExceeded.hint, **shown}
