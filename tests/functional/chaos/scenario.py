# SPDX-License-Identifier: Apache-2.0
"""Chaos: three conductors, simulated pods, a broker and a database of their own, and no mercy.

Nodes are composed of the blocks of further pods, which an intruder composes too.

Variables: VALENCE_CHAOS_SECONDS, VALENCE_CHAOS_PODS, VALENCE_CHAOS_DATABASE (mariadb, postgresql, etcd, etcd3),
VALENCE_CHAOS_SEED, VALENCE_CHAOS_INTRUDER (how often it acts, a minute and pod); for a slow machine or database
VALENCE_CHAOS_REST (seconds to come to rest afterwards) and VALENCE_CHAOS_LEASE (seconds that a lease lasts).
The seed fixes what is broken, not what happens at the same time.
"""

import collections
import os
import random
import re
import sys

from oslo_utils import timeutils

from tests import rest
from tests import servers
from tests.contract import databases
from tests.functional import acceptance
from tests.functional.chaos import audit
from tests.functional.chaos import clients
from tests.functional.chaos import composed
from tests.functional.chaos import faults
from tests.functional.chaos import hardware
from tests.functional.chaos import nodes

SECONDS = int(os.environ.get("VALENCE_CHAOS_SECONDS", "60"))
PODS = int(os.environ.get("VALENCE_CHAOS_PODS", "12"))
INTRUDER = float(os.environ.get("VALENCE_CHAOS_INTRUDER", "20"))
#: pods with blocks
BLOCK_PODS = 2
SEED = int(os.environ.get("VALENCE_CHAOS_SEED", "0")) or random.randrange(1, 10**6)
DATABASES = {
    "etcd": servers.Etcd,
    "etcd3": servers.Etcd3,
    "mariadb": servers.MariaDB,
    "postgresql": servers.PostgreSQL,
}
DATABASE = DATABASES[os.environ.get("VALENCE_CHAOS_DATABASE", "mariadb")]
LEASE_SECONDS = int(os.environ.get("VALENCE_CHAOS_LEASE", "3"))
#: seconds that everything gets to come to rest
REST = int(os.environ.get("VALENCE_CHAOS_REST", "120"))
#: by how much two conductors may differ in what they take for the time of the store, which is rounded to seconds
CLOCK_SECONDS = 1
#: what a conductor logs when it finds that it was taken for dead, or that it must not write any more
FENCED = re.compile("was lost|was taken for dead")
#: why any operation on a node may fail: each conductor that did it was killed
DIED = re.compile(r"^It was begun \d+ times, and each time its conductor died or was cut off\.$")
#: why a composition may fail besides: the intruder has the blocks
TAKEN = re.compile(
    r"^The device \S.* is in use: \S|^No \S.* are free: \S|^No free \S.* has \S|"
    r"^Only \d+ \S.* of \d+ that are wanted are free\.|^Each part is free, but nowhere together: \S"
)


class ChaosTest(acceptance.AcceptanceCase):
    """Breaks things for a number of ``seconds`` while ``pods`` change."""

    seconds, pods, seed = SECONDS, PODS, SEED
    time_limit = SECONDS + 9 * REST
    conductors = 3
    options = {
        "sync": {"interval": 4, "min_interval": 2, "max_interval": 4},
        "conductor": {"lease_seconds": LEASE_SECONDS},
        # The machine may be slow, but the pods never fail.
        "redfish": {"connect_timeout": 20, "read_timeout": 60},
    }

    def setUp(self):
        super().setUp()
        # A longer page takes longer on the v2 API than the API waits.
        self.client.page = 100 if DATABASE is servers.Etcd else self.client.page

    def deployment(self):
        self.broker, self.database = self.useFixture(servers.RabbitMQ()), self.useFixture(DATABASE())
        return super().deployment(transport_url=self.broker.url(), database_url=self.database.new_database())

    def test_nothing_is_lost_doubled_or_wrong(self):
        print(f"chaos: seed {self.seed}, {self.seconds} s, {self.pods} pods", file=sys.stderr)
        chance = random.Random(self.seed)
        fleet = self.useFixture(hardware.Fleet(self.new_client(), random.Random(self.seed + 1), self.pods))
        pods = self.useFixture(nodes.Pods(BLOCK_PODS, INTRUDER))
        uuids = [*fleet.register(self.valence), *pods.register(self.valence)]
        client = clients.Client(self.new_client(), random.Random(self.seed + 2), uuids)
        owner = nodes.Client(self.new_client(), random.Random(self.seed + 3))
        self.wait_for(self.all_synchronized, REST, lambda: str(self.client.rows("/v1/pod_managers")))
        monkey = faults.Faults(chance, self.valence.conductors, self.broker, self.database, LEASE_SECONDS)
        running = (fleet, client, owner)
        for each in running:
            each.start()
        monkey.run(self.seconds)
        for each in reversed(running):
            each.stop()
        self.wait_for(lambda: monkey.supervise() or self.client.status() == 200, REST)
        self.wait_for(lambda: monkey.supervise() or (client.insist() and owner.insist()), REST)
        self.wait_for(fleet.is_told, REST, lambda: str(untold(fleet)))
        self.report(monkey, fleet, client, owner)
        self.assert_changes_were_told(fleet)
        self.assert_operations_ended_truthfully(client)
        self.assert_nodes_are_what_the_services_have(owner, pods)
        self.assert_registrations_are_there(client, uuids)
        self.assert_every_pod_manager_has_one_owner(
            {row["uuid"] for row in self.client.rows("/v1/pod_managers")}
        )
        self.assert_published_in_order()
        self.assertEqual([], self.audit())

    def new_client(self):
        return rest.Client(self.client.url)

    def all_synchronized(self):
        return all(row["last_synced_at"] for row in self.client.rows("/v1/pod_managers"))

    def report(self, monkey, fleet, client, owner):
        """Print what was done."""
        fenced = sum(len(FENCED.findall(each.log())) for each in self.valence.conductors)
        changes = sum(map(len, fleet.made.values()))
        print(
            f"chaos: {dict(monkey.counts)}; {changes} changes, {len(client.accepted)} requests accepted, "
            f"{client.refused} refused, {len(client.cancelled)} cancelled; {len(client.registered)} registered, "
            f"{len(client.deleted)} of them deleted; fenced {fenced} times; {len(owner.created)} nodes composed, "
            f"{len(owner.actions)} switched, {len(owner.removed)} removed, refused {dict(owner.refusals)}",
            file=sys.stderr,
        )

    def assert_changes_were_told(self, fleet):
        """Check that the history of each system is what its hardware did, in order, once."""
        self.assertEqual({}, untold(fleet))
        self.assertTrue(fleet.made)

    def assert_operations_ended_truthfully(self, client):
        """Check that each accepted request has one operation, which succeeded unless it was cancelled."""
        self.wait_for(lambda: not self.open_operations(), REST, lambda: str(self.open_operations()))
        operations = {row["uuid"]: row for row in self.client.rows("/v1/operations")}
        self.assertEqual([], client.contradictions)
        self.assertEqual(set(), {*client.accepted.values()} - operations.keys())
        on_nodes = {key: row for key, row in operations.items() if row["target_kind"] == "node"}
        others = {key: row for key, row in operations.items() if key not in on_nodes}
        wrong = [
            row
            for row in others.values()
            if row["state"] != "succeeded"
            and not (row["state"] == "cancelled" and row["uuid"] in client.cancelled)
        ]
        self.assertEqual([], wrong)
        self.assert_each_was_done_once(others)
        self.assert_operations_on_nodes_ended_truthfully(on_nodes.values())

    def assert_operations_on_nodes_ended_truthfully(self, operations):
        """Check that nodes were composed, and that the others failed because another client took a block."""
        ends = collections.Counter((row["operation_kind"], row["state"], row["cause"]) for row in operations)
        for (kind, state, cause), number in sorted(ends.items(), key=str):
            print(f"chaos: {number} {kind} {state} {cause or ''}", file=sys.stderr)
        failed = [(kind, cause or "") for kind, state, cause in ends if state != "succeeded"]
        wrong = [each for each in failed if not DIED.search(each[1])]
        self.assertEqual([], [each for each in wrong if each[0] != "compose" or not TAKEN.search(each[1])])
        composed_nodes = sum(number for end, number in ends.items() if end[:2] == ("compose", "succeeded"))
        self.assertGreater(composed_nodes, 0)

    def assert_nodes_are_what_the_services_have(self, owner, pods):
        """Check that claims are what machines consist of, and that nothing is left when all nodes are removed."""
        database = databases.Database(self.valence.database_url, str(self.valence.folder)).connect()
        self.addCleanup(database.close)
        self.assertEqual([], owner.contradictions)
        self.assertTrue(owner.created)
        self.assertEqual([], composed.differences(database, pods.compositions()))
        states = {row["uuid"]: row["state"] for row in self.client.rows("/v1/nodes")}
        created = {*owner.created.values()}
        self.assertEqual((set(), created - owner.removed), ({*states} - created, {*states} - owner.removed))
        self.wait_for(owner.remove_all, REST)
        self.wait_for(
            lambda: not self.client.rows("/v1/nodes"), REST, lambda: str(self.client.rows("/v1/nodes"))
        )
        self.assertEqual([], composed.differences(database, pods.compositions()))
        self.assertEqual([], composed.broken_histories(self.events(object_kind="node"), {}))

    def assert_each_was_done_once(self, operations):
        """Check that what succeeded was told to end once, and that no step was done by two at the same time."""
        ends = collections.Counter(
            event["request_id"] for event in self.events("valence.pod_manager.sync.end")
        )
        for row in operations.values():
            steps = row["steps"]
            done = [step["name"] for step in steps if step["state"] == "succeeded"]
            self.assertEqual(1 if row["state"] == "succeeded" else 0, ends[row["request_id"]], row)
            self.assertLessEqual(done.count("synchronize"), 1, row)
            for before, after in zip(steps, steps[1:], strict=False):
                overlap = timeutils.delta_seconds(*map(timeutils.parse_isotime, times(before, after)))
                self.assertGreaterEqual(overlap, -CLOCK_SECONDS, row)

    def assert_registrations_are_there(self, client, uuids):
        """Check that each pod manager that was registered is there, unless it was deleted, and no other one."""
        registered = {*client.registered.values()}
        self.assertEqual(len(client.registered), len(registered))
        there = {row["uuid"] for row in self.client.rows("/v1/pod_managers")}
        self.assertEqual({*uuids, *registered} - client.deleted, there)
        events = self.events("valence.pod_manager.create") + self.events("valence.pod_manager.delete")
        told = collections.Counter((event["event_type"][-6:], event["object_id"]) for event in events)
        created = {("create", uuid): 1 for uuid in {*uuids, *registered}}
        self.assertEqual(created | {("delete", uuid): 1 for uuid in client.deleted}, dict(told))

    def assert_every_pod_manager_has_one_owner(self, uuids):
        # The last to be started again may not have joined yet.
        self.wait_for(
            lambda: self.shares_of_three() == len(uuids),
            REST,
            lambda: str(self.client.rows("/v1/conductors")),
        )
        alive = {row["hostname"] for row in self.client.rows("/v1/conductors", alive="true")}
        self.wait_for(lambda: self.owners() == alive, REST, lambda: str(self.owners()))

    def shares_of_three(self):
        """Return how many pod managers all three conductors serve, None while one of them is missing."""
        alive = self.client.rows("/v1/conductors", alive="true")
        return sum(row["pod_managers"] for row in alive) if len(alive) == self.conductors else None

    def owners(self):
        return {row["conductor"] for row in self.client.rows("/v1/pod_managers")}

    def audit(self):
        """Return what does not fit in the database, which nobody changes any more.

        On etcd's v2 API a look at all of it would begin again with every commit.
        """
        for each in self.valence.conductors:
            each.terminate()
        for each in self.valence.conductors:
            each.wait(faults.END_SECONDS)
        database = databases.Database(self.valence.database_url, str(self.valence.folder)).connect()
        self.addCleanup(database.close)
        return audit.differences(database)

    def open_operations(self):
        return self.client.rows("/v1/operations", state="in:pending,running")

    def assert_published_in_order(self):
        """Check that every event came over the bus, those of each object in their order."""
        self.assert_everything_was_published(REST)
        came = collections.defaultdict(list)
        for _, payload in self.consumer.events.values():
            came[payload["object"]["id"]].append(payload["sequence"])
        disordered = {key: sequences for key, sequences in came.items() if sequences != sorted(sequences)}
        self.assertEqual({}, disordered)


def times(before, after):
    return before["ended_at"], after["started_at"]


def untold(fleet):
    """Return the systems whose history differs from what was done to them, with both."""
    return {key: (made, fleet.told[key]) for key, made in fleet.made.items() if made != fleet.told[key]}
