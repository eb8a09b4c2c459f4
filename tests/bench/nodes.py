# SPDX-License-Identifier: Apache-2.0
"""What nodes cost: a power action until it is confirmed, a device that comes or goes, a list with power and health."""

import contextlib
import itertools
import time

from tests import deployment
from tests.bench import http_requests
from tests.bench import load
from tests.bench import table
from valence.conductor.work import operations
from valence.db import models
from valence.db import store

#: systems that are switched, how often each, and from how many clients at the same time
SYSTEMS, ROUNDS, CLIENTS = 25, 4, 4
#: rows of the list, and how often it is requested
LISTED, REQUESTS = 100, 200
#: CPU ms at most: for a power action, for a list; what Ironic 39 needs for them
POWER, LIST, DEVICE = (25, 1200), (6, 39), (40, None)
#: composed nodes, each of which gets a device of its own and loses it
COMPOSED = 10
SECONDS, POLL_SECONDS = 120, 0.2
SIGN_IN = {"username": "admin", "password": "password"}


def rows(site):
    """Yield the rows of the table."""
    with contextlib.closing(site.store()) as database:
        insert_nodes(site)
        yield measure_list(site)
        folder = site.valence.folder
        with deployment.Simulator(
            folder, "pod", systems=SYSTEMS, nodes=0, system_blocks=0, power_seconds=0
        ) as pod:
            yield measure_power(site, database, pod)
        blocks = {
            "racks": 1,
            "systems": 0,
            "nodes": 0,
            "compute_blocks": COMPOSED,
            "storage_blocks": COMPOSED,
        }
        with deployment.Simulator(folder, "blocks", **blocks) as pod:
            yield measure_devices(site, database, pod)


def insert_nodes(site):
    """Store nodes of systems that were seen; nobody contacts their pod manager."""
    (podm_id,) = site.insert_pod_managers(1)
    site.insert_resources(podm_id, LISTED * 10)
    systems = site.client.rows("/v1/systems", podm_id=podm_id)
    site.insert(
        models.Node(
            name=f"node-{number}",
            podm_id=podm_id,
            kind="system",
            state="composed",
            resource_url=system["resource_url"],
        )
        for number, system in enumerate(systems)
    )


def measure_list(site):
    """Return the row of a list of nodes."""
    asked = [load.request("GET", f"/v1/nodes?limit={LISTED}")] * REQUESTS
    load.run(site.port, asked[: REQUESTS // 4], 1)
    gauge = site.meter()
    gauge.watch_idle()
    with gauge.measure() as used:
        seconds = load.run(site.port, asked, 1)
    return row(
        f"list {LISTED} nodes with power and health",
        used,
        REQUESTS,
        LIST,
        p50=http_requests.percentile(seconds, 50),
        p99=http_requests.percentile(seconds, 99),
    )


def measure_power(site, database, pod):
    """Return the row of power actions, from the request to the published end of each."""
    nodes = adopt(site, database, pod)
    gauge = site.meter(simulator=pod.pid)
    act_on_all(site, database, dict.fromkeys(nodes, {"power": "force_off"}))
    gauge.watch_idle()
    with gauge.measure() as used:
        for power in itertools.islice(itertools.cycle(("on", "force_off")), ROUNDS):
            act_on_all(site, database, dict.fromkeys(nodes, {"power": power}))
    asked = len(nodes) * ROUNDS
    done = [store.Filter("operation_kind", "eq", "power"), store.Filter("result", "eq", "complete")]
    if (confirmed := database.count(models.Operation, filters=done)) != asked + len(nodes):
        raise RuntimeError(f"{confirmed} power actions were confirmed, not {asked + len(nodes)}")
    return row("power action to confirmed", used, asked, POWER, rate=asked / used.wall)


def measure_devices(site, database, pod):
    """Return the row of devices that are attached and detached, with the synchronizations that follow by themselves."""
    podm_id = register(site, database, pod)
    filters = {"podm_id": podm_id, "state": "free"}
    bases = site.client.rows("/v1/devices", device_type="Compute", **filters)
    drives = site.client.rows("/v1/devices", device_type="Storage", **filters)
    made = [
        site.client.post("/v1/nodes", {"name": f"composed-{number}", "resources": [base["uuid"]]})
        for number, base in enumerate(bases)
    ]
    wait_until_idle(database)
    chosen = {node["uuid"]: drive["uuid"] for node, drive in zip(made, drives, strict=False)}
    gauge = site.meter(simulator=pod.pid)
    gauge.watch_idle()
    with gauge.measure() as used:
        for action in itertools.islice(itertools.cycle(("attach", "detach")), ROUNDS):
            bodies = {node: {action: {"device_id": drive}} for node, drive in chosen.items()}
            act_on_all(site, database, bodies)
        kinds = store.Filter("operation_kind", "in", ["attach", "detach"])
        ended = database.list(models.Operation, filters=[kinds], fields=["ended_at"])
        wait_until_synchronized(database, podm_id, max(each.ended_at for each in ended))
    asked = len(chosen) * ROUNDS
    done = database.count(models.Operation, filters=[kinds, store.Filter("state", "eq", "succeeded")])
    if done != asked:
        raise RuntimeError(f"{done} devices were attached or detached, not {asked}")
    return row("attach or detach one device", used, asked, DEVICE, rate=asked / used.wall)


def register(site, database, pod):
    """Register a simulated pod, wait for its synchronization, and return the UUID of the pod manager."""
    podm_id = site.client.post("/v1/pod_managers", {"name": pod.name, "url": pod.root} | SIGN_IN)["uuid"]
    wait_until_idle(database)
    return podm_id


def adopt(site, database, pod):
    """Register a simulated pod, adopt its systems, and return the UUIDs of the nodes."""
    podm_id = register(site, database, pod)
    systems = site.client.rows("/v1/systems", podm_id=podm_id)
    made = [site.client.post("/v1/nodes/manage", {"resource_id": system["uuid"]}) for system in systems]
    wait_until_idle(database)
    return [node["uuid"] for node in made]


def act_on_all(site, database, bodies):
    """Request an action on each node, and wait until all have ended and their events are published."""
    asked = [load.request("POST", f"/v1/nodes/{uuid}/action", body) for uuid, body in bodies.items()]
    load.run(site.port, asked, CLIENTS)
    wait_until_idle(database)


def wait_until_idle(database):
    """Wait until no operation is open, and no event waits for the bus."""
    deadline = time.monotonic() + SECONDS
    while database.count(models.Operation, filters=[operations.is_open()]):
        if time.monotonic() > deadline:
            raise RuntimeError(f"operations did not end within {SECONDS} s")
        time.sleep(POLL_SECONDS)
    http_requests.wait_until_published(database)


def wait_until_synchronized(database, podm_id, since):
    """Wait until a pod manager was synchronized after a time of the store."""
    deadline = time.monotonic() + SECONDS
    while (database.get_without_secrets(models.PodManager, podm_id).last_synced_at or "") <= since:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no synchronization followed within {SECONDS} s")
        time.sleep(POLL_SECONDS)
    http_requests.wait_until_published(database)


def row(what, used, number, marks, **values):
    """Return the row of ``number`` requests; ``marks`` are the target and what Ironic needs."""
    parts = {name: seconds / number * 1000 for name, seconds in used.cpu.items()}
    hardware = parts.pop("simulator", None)
    about = parts | ({} if hardware is None else {"(simulator, not counted)": hardware})
    target, ironic = marks
    return table.Row(what, sum(parts.values()), parts=about, target=target, ironic=ironic, **values)
