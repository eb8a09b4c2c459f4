# SPDX-License-Identifier: Apache-2.0
"""What one request costs, in CPU of all four processes, how long it takes, and the floor of the same request."""

import collections
import contextlib
import itertools
import statistics
import time
import typing

from tests.bench import floor
from tests.bench import load
from tests.bench import table
from valence.conductor.events import outbox

POD_MANAGERS, RESOURCES = 100, 10_000
CLIENTS = (1, 16)
#: requests of a row, and parts of them, between which the floor is measured: so both meet the same load of the machine
REQUESTS, ROUNDS = 400, 4
WARM_UP = 100

#: seconds between two looks whether every event was published
POLL_SECONDS = 0.1
#: what is asked -> (CPU ms at most, those of Ironic 39)
MARKS = {
    "list 100 pod managers": (6, 39),
    "list 100 resources": (6, 39),
    "get one pod manager": (4, 6.5),
    "create a pod manager": (8, 27),
    "patch a pod manager": (8, 45),
}
#: what is asked -> times the floor at most; a floor without a mark is None
FLOORS = {
    "list 100 pod managers": 2.0,
    "list 100 resources": 2.0,
    "get one pod manager": 2.0,
    "create a pod manager": None,
}
#: times the median that the slowest hundredth of the lists takes at most, with the most clients
SPREAD = 3.0


def rows(site):
    """Yield the rows of the table."""
    pod_managers = site.insert_pod_managers(POD_MANAGERS)
    site.insert_resources(pod_managers[0], RESOURCES)
    asked = requests(pod_managers)
    gauge = site.meter()
    for source in asked.values():
        load.run(site.port, list(itertools.islice(source, WARM_UP)), 4)
    with contextlib.closing(site.store()) as database:
        wait_until_published(database)
        gauge.watch_idle()
        with floor.Floor(site, {what: next(asked[what]) for what in FLOORS}) as bare:
            for what, source in asked.items():
                for clients in CLIENTS:
                    parts, floors = [], []
                    for _ in range(ROUNDS):
                        part = list(itertools.islice(source, REQUESTS // ROUNDS))
                        parts.append(measure(site, gauge, database, part, clients=clients))
                        if what in FLOORS:
                            floors.append(bare.measure(what, len(part), clients))
                    row = summary(what, parts, clients)
                    row.floor = statistics.mean(floors) if floors else None
                    yield row
                    yield from marks(what, row, clients)


def marks(what, row, clients):
    """Yield the rows that compare a measured row with its floor and with itself."""
    if clients == min(CLIENTS) and FLOORS.get(what):
        yield table.Row(f"{row.what}: to its floor", row.floors, "×", target=FLOORS[what])
    if clients == max(CLIENTS) and what.startswith("list"):
        yield table.Row(f"{row.what}: p99 to p50", row.spread, "×", target=SPREAD)


def requests(pod_managers):
    """Return endless requests by what they ask for."""
    targets = itertools.cycle(pod_managers)
    return {
        "list 100 pod managers": itertools.repeat(load.request("GET", "/v1/pod_managers?limit=100")),
        "list 100 resources": itertools.repeat(load.request("GET", "/v1/resources?limit=100")),
        "get one pod manager": (load.request("GET", f"/v1/pod_managers/{uuid}") for uuid in targets),
        "create a pod manager": map(creation, itertools.count()),
        # Neighbours in time change different ones: none of them meets another's revision.
        "patch a pod manager": map(change, itertools.count(), targets),
    }


def creation(number):
    document = {
        "name": f"new-{number}",
        "url": f"https://192.0.2.2/{number}/redfish/v1",
        "username": "admin",
        "password": "secret",
        "maintenance": True,
    }
    return load.request("POST", "/v1/pod_managers", document)


def change(number, uuid):
    return load.request(
        "PATCH",
        f"/v1/pod_managers/{uuid}",
        {"description": f"change {number}"},
        "application/merge-patch+json",
    )


class Part(typing.NamedTuple):
    """CPU seconds by process, the seconds of each request, and those of all together, of a part of the requests."""

    cpu: dict[str, float]
    seconds: list[float]
    wall: float


def measure(site, gauge, database, asked, *, clients):
    """Return the Part of some requests; that their events are published is a part of what they cost."""
    with gauge.measure() as used:
        began = time.monotonic()
        seconds = load.run(site.port, asked, clients)
        wall = time.monotonic() - began
        wait_until_published(database)
    return Part(used.cpu, seconds, wall)


def summary(what, parts, clients):
    """Return the row of one kind of request."""
    seconds = sorted(each for part in parts for each in part.seconds)
    cpu = collections.Counter()
    for part in parts:
        cpu.update(part.cpu)
    target, ironic = MARKS[what]
    milliseconds = {name: used / len(seconds) * 1000 for name, used in cpu.items()}
    return table.Row(
        f"{what}, {clients} client{'s' * (clients > 1)}",
        sum(milliseconds.values()),
        parts=milliseconds,
        p50=percentile(seconds, 50),
        p99=percentile(seconds, 99),
        rate=len(seconds) / sum(part.wall for part in parts),
        target=target,
        ironic=ironic,
    )


def wait_until_published(database):
    """Wait until no event waits for the bus."""
    while outbox.unpublished(database):
        time.sleep(POLL_SECONDS)


def percentile(ordered, percent):
    """Return a percentile of ordered seconds, in milliseconds."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000
