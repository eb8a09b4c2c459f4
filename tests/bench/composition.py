# SPDX-License-Identifier: Apache-2.0
"""What it costs to choose the devices of a node, to claim them, and to explain why nothing fits, on MariaDB.

Half of the devices are taken. The figure is the CPU of this process, which does what a conductor does; that of the
database is shown beside it.
"""

import contextlib
import os
import random
import time
import uuid

import fixtures

from tests import devices
from tests import servers
from tests.bench import http_requests
from tests.bench import meter
from tests.bench import table
from tests.contract import claiming
from tests.contract import databases
from valence.composition import explanation
from valence.composition import requirements
from valence.composition import selection
from valence.db import store

#: devices, and the most CPU milliseconds of a selection among so many
MARKS = {10_000: 2.0, 100_000: 2.5}
CLAIM_MARK, REFUSAL_MARK, REFUSAL_SECONDS_MARK = 6.0, 60.0, 150.0
POD_MANAGERS, IN_A_ZONE = 20, 100
KINDS = ("Compute", "Storage", "Network", "Accelerator")
MODELS = ("NVIDIA A100", "NVIDIA H100", "NVIDIA L4")
#: four parts
BODY = {
    "processor": {"total_cores": 16},
    "memory": {"capacity_mib": 32768},
    "storage": {"capacity_gib": 500},
    "network": {"speed_mbps": 10000},
    "accelerator": {"model": MODELS[0]},
}
REFUSED = BODY | {"accelerator": {"model": MODELS[0], "count": 64}}
CHOICES, CLAIMS, REFUSALS = 200, 100, 20


class Place(fixtures.Fixture):
    """A MariaDB of its own."""

    #: the processes whose time a profile shows, by name
    profiled = {"conductor": os.getpid()}

    def _setUp(self):
        self.server = self.useFixture(servers.MariaDB())


def rows(place):
    """Yield the rows of the table."""
    for number, mark in MARKS.items():
        database = databases.of_own("mariadb", place.server)
        database.prepare()
        with contextlib.closing(database.connect()) as connected:
            fill(connected, number)
            yield from Bench(connected, place.server, number, mark).rows()


def fill(database, number):
    """Store devices of four kinds in zones of twenty pod managers, half of them taken."""
    pool, chance = devices.Pool(database), random.Random(1)
    for each in range(POD_MANAGERS):
        podm = pool.pod_manager(f"row-{each}")
        zones = [devices.zoning(podm, str(uuid.uuid4())) for _ in range(number // POD_MANAGERS // IN_A_ZONE)]
        database.commit(*map(store.Create, zones))
        places = [(zone, KINDS[place % 4]) for zone in zones for place in range(IN_A_ZONE)]
        pool.load([_device(podm, zone, kind, chance) for zone, kind in places])


def _device(podm, zoning, kind, chance):
    values = {"full": chance.random() < 0.5}
    if kind == "Compute":
        cores = chance.choice([8, 16, 32, 64])
        values |= {"cores": cores, "memory_mib": cores * 4096}
    if kind == "Storage":
        values |= {"storage_gib": chance.choice([256, 512, 1024, 4096])}
    if kind == "Accelerator":
        values |= {"model": chance.choice(MODELS)}
    return devices.device(podm, zoning, kind, **values)


class Bench:
    """The measurements of one database."""

    def __init__(self, database, server, number, mark):
        self._store, self._number, self._mark = database, number, mark
        self._meter = meter.Meter(server=server.pid)
        self._nodes = []

    def rows(self):
        """Yield a row for each kind of work."""
        self._meter.watch_idle()
        yield self._row("choose", self._choose, CHOICES, self._mark)
        yield self._row("choose and claim", self._claim, CLAIMS, CLAIM_MARK)
        yield self._row("take apart", self._take_apart, CLAIMS, None)
        refusal = self._row("refuse and explain", self._refuse, REFUSALS, REFUSAL_MARK)
        yield refusal
        what = f"refuse and explain of {self._number:,} devices, p50"
        yield table.Row(what, refusal.p50, "ms", target=REFUSAL_SECONDS_MARK)

    def _row(self, what, work, repetitions, target):
        """Do a work again and again, and return its row; the first time is not counted."""
        work()
        seconds, before = [], time.process_time()
        with self._meter.measure() as used:
            for _ in range(repetitions):
                began = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - began)
        cpu = (time.process_time() - before) / repetitions * 1000
        server = used.cpu["server"] / repetitions * 1000
        p50, p99 = (http_requests.percentile(sorted(seconds), share) for share in (50, 99))
        what = f"{what}, {self._number:,} devices"
        return table.Row(what, cpu, parts={"database": server}, p50=p50, p99=p99, target=target)

    def _choose(self, body=None):
        return selection.choose(self._store, requirements.wanted(requirements.normal(body or BODY)))

    def _claim(self):
        self._nodes.append(str(uuid.uuid4()))
        claiming.compose(self._store, self._nodes[-1], BODY)

    def _take_apart(self):
        claiming.decompose(self._store, self._nodes.pop())

    def _refuse(self):
        nothing = self._choose(REFUSED)
        if not isinstance(nothing, selection.Nothing):
            raise AssertionError(f"{len(nothing.devices)} devices fit")
        explanation.document(self._store, nothing)
