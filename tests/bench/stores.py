# SPDX-License-Identifier: Apache-2.0
"""What the same work costs on every store: CPU of the client, which is a conductor, and of the database server."""

import contextlib
import itertools
import os
import random
import time
import uuid

import fixtures

from tests.bench import http_requests
from tests.bench import meter
from tests.bench import site
from tests.bench import table
from tests.contract import databases
from valence.db import models
from valence.db import store

SMALL, LARGE = 1_000, 100_000
LIMIT, CHANGES = 100, 500
BATCH = 1000
#: rows that commits change
KNOWN = 4 * CHANGES
#: on etcd a page at LARGE costs at most so many times one at SMALL
TARGET = 1.5
#: how often each work is done
GETS, CREATES, PAGES, COMMITS = 300, 100, 100, 10


class Stores(fixtures.Fixture):
    """A server of its own for each store; ``servers`` has None where there is no server."""

    #: the processes whose time a profile shows, by name
    profiled = {"client": os.getpid()}

    def _setUp(self):
        owns = {name: own for name, (_, _, own) in databases.DATABASES.items()}
        self.servers = {name: own and self.useFixture(own(syncs=True)) for name, own in owns.items()}


def rows(place):
    """Yield the rows of the table, those of one work beside each other."""
    measured = []
    for name, server in place.servers.items():
        database = databases.of_own(name, server)
        database.prepare()
        with contextlib.closing(database.connect()) as connected:
            measured.append([*Bench(name, connected, server).rows()])
    yield from itertools.chain.from_iterable(zip(*measured, strict=True))


class Bench:
    """The measurements of one store, which is empty at first."""

    def __init__(self, name, connected, server):
        self._name, self._store = name, connected
        self._meter = meter.Meter(**({"server": server.pid} if server else {}))
        self._keys, self._states = [], []
        self._pod_manager = models.PodManager(name="bench", url="http://192.0.2.1")

    def rows(self):
        """Yield a row for each kind of work."""
        self._store.commit(store.Create(self._pod_manager))
        self._fill(SMALL)
        self._meter.watch_idle()
        small = self._row(f"page of {LIMIT} of {SMALL:,}", self._page, PAGES)
        yield small
        began = time.monotonic()
        self._fill(LARGE)
        rate = (LARGE - SMALL) / (time.monotonic() - began)
        self._meter.watch_idle()
        large = self._row(f"page of {LIMIT} of {LARGE:,}", self._page, PAGES)
        yield large
        yield table.Row(
            f"{LARGE:,} to {SMALL:,}, {self._name}",
            large.figure / small.figure,
            "×",
            target=TARGET if self._name.startswith("etcd") else None,
        )
        yield self._row(f"filtered page of {LARGE:,}", self._filtered_page, PAGES)
        yield self._row("get", self._get, GETS)
        yield self._row("create", self._create, CREATES)
        yield self._row(f"commit of {CHANGES} changes", self._commit, COMMITS)
        yield table.Row(f"load of {LARGE:,}, {self._name}", 1000 / rate, "ms a resource", rate=rate)

    def _row(self, what, work, repetitions):
        """Do a work again and again, and return its row."""
        work()
        seconds, before = [], time.process_time()
        with self._meter.measure() as used:
            for _ in range(repetitions):
                began = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - began)
        client = time.process_time() - before
        parts = {"client": client} | used.cpu
        parts = {name: cpu / repetitions * 1000 for name, cpu in parts.items()}
        p50 = http_requests.percentile(sorted(seconds), 50)
        return table.Row(f"{what}, {self._name}", sum(parts.values()), parts=parts, p50=p50)

    def _fill(self, count):
        """Load resources until there are ``count``, the last of them with what was last seen of them."""
        while (have := len(self._keys)) < count:
            keys = [str(uuid.uuid4()) for _ in range(min(BATCH, count - have))]
            pairs = [
                site.resource(self._pod_manager.uuid, key, number) for number, key in enumerate(keys, have)
            ]
            resources, states = zip(*pairs, strict=True)
            self._store.load(models.Resource, resources)
            if have >= LARGE - KNOWN:
                self._store.load(models.ResourceState, states)
                self._states += states
            self._keys += keys

    def _page(self):
        found = self._store.list(models.Resource, marker=self._middle(), limit=LIMIT)
        if len(found) != LIMIT:
            raise AssertionError(f"a page of {len(found)}")

    def _filtered_page(self):
        filters = [store.Filter("resource_type", "eq", "Drive")]
        found = self._store.list(
            models.ResourceWithState, filters=filters, marker=self._middle(), limit=LIMIT
        )
        if {row.resource_type for row in found} != {"Drive"}:
            raise AssertionError(f"a page of {len(found)}")

    def _middle(self):
        """Return a key with at least a third of the resources after it."""
        return f"{random.randrange(16 * 2 // 3):x}{random.choice(self._keys)[1:]}"

    def _get(self):
        self._store.get(models.Resource, random.choice(self._keys))

    def _create(self):
        name = uuid.uuid4().hex
        self._store.commit(store.Create(models.PodManager(name=name, url=f"http://{name}")))

    def _commit(self):
        """Do what a synchronization does: a part of the resources is new, a part changed, a part gone."""
        quarter = CHANGES // 4
        added = [
            site.resource(self._pod_manager.uuid, str(uuid.uuid4()), number) for number in range(quarter // 2)
        ]
        created = [store.Create(row) for pair in added for row in pair]
        gone, changed = self._states[:quarter], self._states[quarter : CHANGES - len(created)]
        health = {"health": random.choice(["OK", "Warning", "Critical"]), "state": uuid.uuid4().hex}
        done = self._store.commit(
            *created, *map(store.Delete, gone), *(store.Update(row, health) for row in changed)
        )
        stored = [row for row in done if isinstance(row, models.ResourceState)]
        self._states = self._states[CHANGES - len(created) :] + stored
