# SPDX-License-Identifier: Apache-2.0
"""Introspection with documents of 1.2 MB: one after the other, 16 at once, and what other requests feel of it."""

import functools
import time

import requests

from tests import deployment
from tests import ramdisk
from tests.bench import http_requests
from tests.bench import load
from tests.bench import others
from tests.bench import site as sites
from tests.bench import table

MACHINES = 16
ALONE, ROUNDS = 10, 12
SECONDS = 60
BASE = "/introspection/v1"
#: seconds for which the other requests are alone between two rounds
QUIET = 1.5
#: seconds that ironic-inspector takes for 1 MB
INSPECTOR = {"save": 0.078, "get": 0.023}
GROWTH = 2

Site = functools.partial(sites.Site, processing={"documents_per_minute": 10_000})


def rows(site):
    """Yield the rows of the table."""
    pod = deployment.Simulator(site.valence.folder, "machines", systems=MACHINES, racks=1)
    with pod:
        machines = Machines(site, pod)
        machines.warm_up()
        yield from one_by_one(site, machines)
        yield from many_at_once(site, machines)


def one_by_one(site, machines):
    machines.start()
    yield row("save 1.2 MB", load.run(site.port, machines.documents()[:ALONE], 1), INSPECTOR["save"])
    asked = [load.request("GET", f"{BASE}/introspection/{uuid}/data") for uuid in machines.macs]
    yield row("get 1.2 MB", load.run(site.port, asked[:ALONE], 1), INSPECTOR["get"])


def many_at_once(site, machines):
    """Yield what many documents take, and what requests take beside them and, in turns with that, without them."""
    alone, meanwhile, seconds = others.Others(site.port), others.Others(site.port), []
    for _ in range(ROUNDS):
        machines.start()
        with alone:
            time.sleep(QUIET)
        documents = machines.documents()
        with meanwhile:
            seconds += load.run(site.port, documents, MACHINES)
    yield row(f"save 1.2 MB, {MACHINES} at once", sorted(seconds))
    before, beside = (http_requests.percentile(sorted(each.seconds), 99) for each in (alone, meanwhile))
    yield table.Row("another request alone, p99", before, "ms")
    yield table.Row("another request meanwhile, p99", beside, "ms")
    yield table.Row("another request: meanwhile to alone, p99", beside / before, "×", target=GROWTH)


def row(what, seconds, inspector=None):
    p50, p99 = (http_requests.percentile(seconds, percent) for percent in (50, 99))
    mark = {} if inspector is None else {"target": inspector * 1000}
    return table.Row(f"{what}, median", p50, "ms", p50=p50, p99=p99, **mark)


class Machines:
    """Simulated systems, their MAC addresses by uuid."""

    def __init__(self, site, pod):
        self._site, self._pod = site, pod
        values = {"name": "machines", "url": pod.root, "username": "admin", "password": "password"}
        site.client.post("/v1/pod_managers", values)
        systems = pod.wait_until(self._systems, SECONDS)
        self.macs = {system["uuid"]: self._mac(system) for system in systems}

    def start(self):
        """Start the introspection of each, and wait until each expects its document."""
        for uuid in self.macs:
            self._site.client.post(f"{BASE}/introspection/{uuid}?manage_boot=0")
        self._pod.wait_until(self._are_waiting, SECONDS)

    def documents(self):
        """Return the requests that hand a document of each machine over."""
        return [
            load.request("POST", f"{BASE}/continue", ramdisk.document("large", mac))
            for mac in self.macs.values()
        ]

    def warm_up(self):
        """Let every process do everything once."""
        self.start()
        load.run(self._site.port, self.documents(), 2)

    def _systems(self):
        found = self._site.client.rows("/v1/systems")
        return found if len(found) == MACHINES else None

    def _are_waiting(self):
        states = (self._site.client.get(f"{BASE}/introspection/{uuid}")["state"] for uuid in self.macs)
        return all(state == "waiting" for state in states)

    def _mac(self, system):
        url = self._pod.root.removesuffix("/redfish/v1") + system["resource_url"] + "/EthernetInterfaces/1"
        return requests.get(url, auth=("admin", "password"), timeout=10).json()["MACAddress"]
