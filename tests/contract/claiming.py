# SPDX-License-Identifier: Apache-2.0
"""Writers who compose nodes of the same devices at the same time, and what has to be true afterwards.

As a program it races with processes: python -m tests.contract.claiming DRIVER [--writers 8] [--conductors 4]
[--rounds 10000] [--keep 2] [--devices 3000]. Each process is a conductor: its writers are threads with one store. A
round is a request of two to four writers at the same time, three on average. It prints what happened and fails if a
rule is broken. With --keep 1000 nothing is taken apart: as many nodes as were composed have to be listed.
"""

import argparse
import collections
import json
import random
import subprocess
import sys
import threading
import time
import uuid

from tests import devices
from tests.contract import databases
from valence.common import composition_errors
from valence.common import errors
from valence.composition import claims
from valence.composition import requirements
from valence.composition import selection
from valence.db import models
from valence.db import store

KINDS = ("Compute", "Storage", "Storage", "Accelerator")
BODY = {"storage": {"count": 2}, "accelerator": {}}
#: what a node of BODY has
PARTS = ["accelerator/0", "processor", "storage/0", "storage/0"]
REFUSALS = (composition_errors.NothingFits, composition_errors.DeviceTaken)
#: share of the requests that may collide
MOST_COLLISIONS = 0.15
#: requests of a round, on average
REQUESTS_OF_A_ROUND = 3


def clear(database):
    """Remove all that the writers and ``fill`` store."""
    for model in (models.Node, models.PodManager, models.Operation, models.Conductor, models.Quota):
        while rows := database.list(model, limit=500):
            database.commit(*map(store.Delete, rows))


def fill(database, number, zonings=10):
    """Store a pool of about ``number`` devices in zonings of two pod managers."""
    pool = devices.Pool(database)
    for name in ("row-1", "row-2"):
        podm = pool.pod_manager(name)
        for zone in range(zonings // 2):
            zoning = pool.zoning(podm, f"{name}-{zone}")
            each = max(1, number // zonings // len(KINDS))
            pool.load([devices.device(podm, zoning, kind) for kind in KINDS for _ in range(each)])
    return pool


def compose(database, node_id, body=BODY, among=selection.ANYWHERE, project_id=""):
    """Compose a node; return what claims.grant does."""
    wanted = requirements.wanted(requirements.normal(body))

    def changes(choice):
        node = models.Node(
            uuid=node_id, name="raced", podm_id=choice.podm_id, requirements=body, project_id=project_id
        )
        operation = models.Operation(operation_kind="compose", target_kind="node", target_id=node_id)
        return [store.Create(node), store.Create(operation)]

    def choose(avoid):
        return selection.choose(database, wanted, among=among, avoid=avoid)

    return claims.grant(database, claims.Owner(node_id, project_id, is_new=True), choose, changes)


def decompose(database, node_id):
    """Take a node apart."""
    node = database.get(models.Node, node_id)
    own = database.list(models.Claim, filters=[store.Filter("node_id", "eq", node_id)])
    claims.release(database, own, [store.Delete(node)])


def is_stored(database, node_id, seconds=60):
    """Return whether there is a node, as soon as the store answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            return bool(database.count(models.Node, filters=[store.Filter("uuid", "eq", node_id)]))
        except errors.StoreUnavailable:
            if time.monotonic() > end:
                raise


def take_apart(database, node_id):
    """Take a node apart, sent again whenever the store is not available; return how often that was."""
    unavailable = 0
    while is_stored(database, node_id):
        try:
            decompose(database, node_id)
        except errors.StoreUnavailable:
            unavailable += 1
    return unavailable


class Writer:
    """Composes nodes and takes them apart.

    ``counts`` has composed, refused, unavailable, collisions, and requests, which are those that were answered.
    """

    def __init__(self, database, keep=2, seed=None):
        self._store, self._keep = database, keep
        self._random = random.Random(seed)
        self.nodes, self.counts = [], collections.Counter()

    def run(self, requests):
        """Send requests; each of them is answered, or raises here."""
        for _ in range(requests):
            self.request()

    def request(self):
        """Compose one node, and take an older one apart where there are more than wanted."""
        node_id = str(uuid.uuid4())
        try:
            granted = compose(self._store, node_id)
        except REFUSALS:
            self.counts["refused"] += 1
        except errors.StoreUnavailable:
            # The client gets a 503, and asks whether there is a node: SQLite has no fair turns for writers.
            self.counts["unavailable"] += 1
            self.nodes += [node_id] if is_stored(self._store, node_id) else []
        else:
            self.nodes.append(node_id)
            self.counts["composed"] += 1
            self.counts["collisions"] += granted.collisions
        while len(self.nodes) > self._keep:
            node_id = self.nodes.pop(self._random.randrange(len(self.nodes)))
            self.counts["unavailable"] += take_apart(self._store, node_id)
        self.counts["requests"] += 1


def wrong(database, parts=PARTS):
    """Return sentences about rules that are broken: claims, devices and nodes have to agree."""
    own = collections.defaultdict(list)
    holders = collections.defaultdict(set)
    for row in database.list(models.Claim):
        own[row.node_id].append(row.part)
        holders[row.device_id].add(row.node_id)
    nodes = {row.uuid for row in database.list(models.Node)}
    found = [f"{node} has {sorted(own[node])}" for node in nodes if sorted(own[node]) != parts]
    found += [f"claims of {node}, which is no node" for node in set(own) - nodes]
    found += [f"{device} belongs to {nodes}" for device, nodes in holders.items() if len(nodes) > 1]
    for row in database.list(models.Device):
        holder = next(iter(holders.get(row.uuid, [None])))
        if (row.node_id, row.full) != (holder, holder is not None):
            found.append(f"{row.uuid} says {row.node_id} {row.full}, its claims say {holder}")
    return found


def summary(counts, seconds):
    share = counts["collisions"] / max(1, counts["requests"])
    return (
        f"{counts['requests']} requests in {seconds:.0f} s: {counts['composed']} composed, "
        f"{counts['refused']} refused, {counts['unavailable']} unavailable, "
        f"{counts['collisions']} collisions ({share:.1%})"
    )


def _conduct(arguments):
    """Be one of the conductors: run its writers in threads, and print the sum of their counts."""
    database = databases.DATABASES[arguments.driver][0](arguments.url, arguments.folder).connect()
    writers = [Writer(database, arguments.keep) for _ in range(arguments.writers)]
    threads = [threading.Thread(target=each.run, args=[arguments.requests]) for each in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(sum((each.counts for each in writers), collections.Counter())))


def _race(arguments):
    database = databases.of_own(arguments.driver)
    database.prepare()
    connected = database.connect()
    fill(connected, arguments.devices)
    began, each = time.monotonic(), arguments.rounds * REQUESTS_OF_A_ROUND // arguments.writers
    command = [sys.executable, "-m", __spec__.name, arguments.driver, "--url", database.url]
    command += ["--folder", database.folder, "--requests", str(each), "--keep", str(arguments.keep)]
    command += ["--writers", str(arguments.writers // arguments.conductors)]
    conductors = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(arguments.conductors)
    ]
    counts = collections.Counter()
    for answer in [conductor.communicate()[0] for conductor in conductors]:
        counts.update(json.loads(answer or "{}"))
    unanswered = each * arguments.writers - counts["requests"]
    broken, seconds = wrong(connected), time.monotonic() - began
    print(f"{arguments.driver}, {arguments.writers} writers over {arguments.conductors} conductors: ", end="")
    print(f"{summary(counts, seconds)}; {unanswered} unanswered")
    listed, kept = len(connected.list(models.Node)), connected.count(models.Node)
    print(f"{listed} nodes listed of {kept}; {len(broken)} broken rules {broken[:5]}")
    is_whole = not broken and not unanswered and listed == kept
    return 0 if is_whole and counts["collisions"] <= MOST_COLLISIONS * counts["requests"] else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver", choices=list(databases.DATABASES))
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--conductors", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--keep", type=int, default=2, help="nodes that each writer keeps")
    parser.add_argument("--devices", type=int, default=3000)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--requests", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return _conduct(arguments) if arguments.url else _race(arguments)


if __name__ == "__main__":
    sys.exit(main())
