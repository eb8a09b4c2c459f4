# SPDX-License-Identifier: Apache-2.0
"""What it costs to find that nothing has changed in a pod, per system, over TLS; and the memory that it takes."""

import contextlib

from tests import deployment
from tests.bench import table
from valence.conductor.events import outbox
from valence.db import models

SYSTEMS, RACKS = 900, 25
ROUNDS = 3
SECONDS = 240
#: ms of CPU for a system, by whether $expand is offered
TARGETS, IRONIC = {True: 2, False: 10}, 990
#: MB at most
MEMORY = {"api": 100, "conductor": 120}


def rows(site):
    """Yield the rows of the table: a pod that offers $expand, and one that does not."""
    with contextlib.closing(site.store()) as database:
        for expand in (True, False):
            with simulator(site, expand) as pod:
                what = "with $expand" if expand else "without $expand"
                yield from Pod(site, database, pod, what, TARGETS[expand]).rows()


def simulator(site, expand):
    """Return a simulated pod that listens with TLS."""
    folder = site.valence.folder
    name = f"pod-{'expand' if expand else 'plain'}"
    return deployment.Simulator(folder, name, expand=expand, tls=folder / "tls", systems=SYSTEMS, racks=RACKS)


class Pod:
    """One simulated pod that is registered and synchronized."""

    def __init__(self, site, database, pod, what, target):
        self._client, self._store = site.client, database
        self._pod, self._what, self._target = pod, what, target
        self._meter = site.meter(simulator=pod.pid)
        self._values = {"name": pod.name, "url": pod.root, "username": "admin", "password": "password"}
        self._values["verify_ca"] = str(site.valence.folder / "tls" / "cert.pem")

    def rows(self):
        """Yield the rows of the table."""
        self._meter.watch_idle()
        uuid = self._client.post("/v1/pod_managers", self._values | {"maintenance": True})["uuid"]
        yield self._row("first sync", lambda: self._first(uuid))
        self._meter.watch_idle()
        for number in range(ROUNDS):
            yield self._row(
                f"steady sync {number + 1}", lambda: self._again(uuid), target=self._target, ironic=IRONIC
            )
        yield from self._memory()
        self._client.patch(f"/v1/pod_managers/{uuid}", {"maintenance": True})

    def _row(self, what, do, **marks):
        with self._meter.measure() as used:
            do()
        parts = {name: seconds / SYSTEMS * 1000 for name, seconds in used.cpu.items()}
        hardware = parts.pop("simulator")
        what = f"{what} {self._what}, per system"
        about = parts | {"(simulator, not counted)": hardware, "(seconds for all)": used.wall}
        return table.Row(what, sum(parts.values()), parts=about, **marks)

    def _first(self, uuid):
        """Let the pod be synchronized, and its events be published."""
        self._client.patch(f"/v1/pod_managers/{uuid}", {"maintenance": False})
        self._again(uuid)
        self._pod.wait_until(self._is_published, SECONDS)

    def _again(self, uuid):
        operation = self._client.post(f"/v1/pod_managers/{uuid}/sync")
        path = f"/v1/operations/{operation['uuid']}"
        ended = self._pod.wait_until(lambda: self._ended(path), SECONDS)
        if ended["state"] != "succeeded" or ended["progress"]["unread"]:
            raise RuntimeError(f"the synchronization failed: {ended}")

    def _ended(self, path):
        operation = self._client.get(path)
        return operation["ended_at"] and operation

    def _is_published(self):
        return outbox.unpublished(self._store) == 0

    def _memory(self):
        known = self._store.count(models.Resource)
        for name, most in MEMORY.items():
            what = f"memory of the {name} with {known:,} resources"
            yield table.Row(what, self._meter.resident(name), "MB", target=most)
