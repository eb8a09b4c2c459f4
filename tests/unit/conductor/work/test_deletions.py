# SPDX-License-Identifier: Apache-2.0
"""Deletion of pod managers with many resources: in bounded commits, each of which another conductor can follow."""

import threading
from concurrent import futures

from tests import base
from tests import embedded
from valence.common import context
from valence.common import errors
from valence.conductor.inventory import connections
from valence.conductor.work import deletions
from valence.conductor.work import leftovers
from valence.conductor.work import operations
from valence.conductor.work import worker
from valence.db import models
from valence.db import store

RESOURCES = 25


class Killed(BaseException):
    """The end of a conductor in the middle of its work."""


class Recording:
    """A store that records commits; ``before`` is called with the number of each commit under a lease."""

    def __init__(self, database):
        self._store, self.commits, self.before = database, [], lambda number: None

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, *changes, lease=None):
        if lease:
            self.before(len(self.commits))
            self.commits.append(changes)
        return self._store.commit(*changes, lease=lease)


class DeletionsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = Recording(self.database.store)
        (self.pod_manager,) = self.database.store.commit(
            store.Create(
                models.PodManager(
                    name="pod", url="http://127.0.0.1:1/redfish/v1", status="online", username="u"
                )
            )
        )
        self.uuid = self.pod_manager.uuid
        self.patch(deletions, "FEW", 5)
        self.patch(deletions, "FIRST", 4)
        self.patch(deletions, "SMALLEST", 4)
        self.patch(deletions, "LARGEST", 4)
        self.deletions = self.of("conductor-1", self.store)
        self.user = context.RequestContext(user_id="u1", request_id="req-1", overwrite=False)

    def of(self, host, database=None):
        """Return the deletions of a conductor."""
        mine = deletions.Deletions(database or self.database.store, self.database.keeper(host), host)
        self.addCleanup(mine.stop)
        return mine

    def fill(self, number=RESOURCES):
        rows = [
            models.Resource(podm_id=self.uuid, resource_url=f"/s/{n}", resource_type="System")
            for n in range(number)
        ]
        self.database.store.commit(*map(store.Create, rows))
        return {row.uuid for row in rows}

    def remember(self, number):
        rows = [
            models.RemovedResource(
                podm_id=self.uuid,
                resource_url=f"/r/{n}",
                resource_type="System",
                removed_at="2026-11-21T03:37:02Z",
            )
            for n in range(number)
        ]
        self.database.store.commit(*map(store.Create, rows))

    def delete(self, revision=None, force=False):
        self.deletions.delete(self.user, self.uuid, revision, force)

    def current(self):
        return connections.read(self.database.store, self.uuid)

    def open(self):
        return operations.open_for(self.database.store, self.uuid)

    def kill_at(self, number):
        """Begin a deletion and kill its conductor before a commit."""

        def before(present):
            if present == number:
                raise Killed

        self.store.before = before
        self.assertRaises(Killed, self.delete)

    def assert_told_once(self, removed):
        """Fail unless there is one event of each resource, and then that of the pod manager, in the user's name."""
        told = self.database.events()
        self.assertEqual(["valence.resource.removed"] * len(removed), [each.event_type for each in told[:-1]])
        self.assertEqual(sorted(removed), sorted(each.object_id for each in told[:-1]))
        self.assertEqual(
            ("valence.pod_manager.delete", "online"), (told[-1].event_type, told[-1].old["status"])
        )
        self.assertEqual({("u1", "req-1")}, {(each.actor, each.request_id) for each in told})

    def assert_gone(self):
        for model in (models.PodManager, models.Resource, models.RemovedResource):
            self.assertEqual(0, self.database.store.count(model), model)
        self.assertEqual([], self.open())


class ManyTest(DeletionsTest):
    def test_no_commit_removes_more_than_a_batch(self):
        removed = self.fill()
        self.remember(9)
        self.delete()
        self.assert_gone()
        self.assert_told_once(removed)
        deleted = [[each for each in one if isinstance(each, store.Delete)] for one in self.store.commits]
        self.assertEqual(RESOURCES + 9 + 1, sum(map(len, deleted)))
        self.assertEqual(4, max(map(len, deleted)))

    def test_what_takes_too_long_makes_the_next_commit_smaller(self):
        self.patch(deletions, "SMALLEST", 1)
        self.patch(deletions, "COMMIT_SECONDS", 0)
        self.fill()
        self.delete()
        sizes = [sum(isinstance(each, store.Delete) for each in one) for one in self.store.commits[1:-1]]
        self.assertEqual([4, 2, *[1] * (RESOURCES - 6)], sizes)

    def test_few_are_deleted_by_one_commit_without_an_operation(self):
        removed = self.fill(5)
        self.delete()
        self.assertEqual(1, len(self.store.commits))
        self.assertEqual([], self.database.store.list(models.Operation))
        self.assert_told_once(removed)

    def test_meanwhile_it_is_shown_as_deleted_and_can_neither_be_changed_nor_synchronized(self):
        self.fill()
        self.kill_at(3)
        self.assertEqual(("deleted", None), (self.current().status, self.current().next_sync_at))
        self.assertRaises(errors.Conflict, connections.require_undeleted, self.current())
        ask = operations.ask_for_sync
        error = self.assertRaises(
            errors.Conflict, ask, self.database.store, self.user, self.uuid, lambda answer: []
        )
        self.assertIn("is being deleted", error.detail)

    def test_what_waits_for_it_is_cancelled_first(self):
        waiting = operations.new(self.user, "sync", "pod_manager", self.uuid)
        self.database.store.commit(store.Create(waiting))
        self.fill()
        self.kill_at(1)
        self.assertEqual("cancelled", self.database.store.get(models.Operation, waiting.uuid).state)

    def test_its_operation_says_how_it_went(self):
        self.fill()
        self.delete()
        (operation,) = self.database.store.list(models.Operation)
        self.assertEqual(
            ("delete", "succeeded", RESOURCES, "u1"),
            (operation.operation_kind, operation.state, operation.progress["removed"], operation.actor),
        )

    def test_another_revision_is_refused_before_it_is_decided(self):
        self.fill()
        self.assertRaises(errors.RevisionMismatch, self.delete, revision=7)
        self.assertEqual("online", self.current().status)
        self.delete(revision=self.pod_manager.revision)
        self.assert_gone()


class InterruptedTest(DeletionsTest):
    def test_killed_at_any_commit_it_is_finished_by_another_conductor_in_the_users_name(self):
        for number in (1, 2, 5, 7):
            removed = self.fill()
            self.store.commits.clear()
            self.kill_at(number)
            sweep = leftovers.Leftovers(
                self.database.store, self.database.keeper("b"), self.of("b").finish
            ).sweep
            sweep()
            self.wait_for(lambda: not self.database.store.count(models.PodManager))
            self.assert_gone()
            self.assert_told_once(removed)
            self.restart()

    def restart(self):
        events = self.database.store.list(models.Event)
        self.database.store.commit(*map(store.Delete, events), store.Create(self.pod_manager))

    def test_what_an_earlier_version_took_for_a_synchronization_is_finished(self):
        self.fill()
        self.kill_at(3)
        (operation,) = self.open()
        with self.database.keeper("old").hold(worker.lease_name(self.uuid)) as lease:
            recorder = operations.Recorder(self.database.store, operation, lease, "old")
            recorder.begin()
            recorder.hand_back()
        self.of("b").finish(self.uuid)
        self.wait_for(lambda: not self.database.store.count(models.PodManager))
        self.assert_gone()

    def test_requested_again_it_is_finished(self):
        removed = self.fill()
        self.kill_at(3)
        self.store.before = lambda number: None
        self.deletions.delete(context.RequestContext(user_id="u2", overwrite=False), self.uuid, 1, False)
        self.assert_gone()
        self.assert_told_once(removed)

    def test_a_conductor_that_stops_leaves_the_rest_to_others(self):
        removed = self.fill()
        self.store.before = lambda number: number == 2 and self.deletions.stop()
        self.delete()
        self.assertEqual("deleted", self.current().status)
        self.of("b").finish(self.uuid)
        self.wait_for(lambda: not self.database.store.count(models.PodManager))
        self.assert_told_once(removed)

    def test_what_takes_longer_than_a_call_is_finished_in_the_background(self):
        removed = self.fill()
        self.patch(deletions, "ANSWER_SECONDS", 0)
        self.delete()
        self.wait_for(lambda: not self.database.store.count(models.PodManager))
        self.assert_told_once(removed)

    def test_while_another_conductor_deletes_it_is_left_to_it(self):
        self.fill()
        self.kill_at(3)
        other = self.of("b")
        with self.database.keeper("c").hold(worker.lease_name(self.uuid)):
            other.finish(self.uuid)
            other.stop()
        self.assertEqual("deleted", self.current().status)


class ConcurrentTest(DeletionsTest):
    """Requests at the same time: one deletes, the others see that it is gone."""

    def outcomes(self, number=6):
        conductors = [self.of(f"conductor-{n}") for n in range(number)]
        barrier = threading.Barrier(number)

        def delete(one):
            barrier.wait(60)
            one.delete(self.user, self.uuid, None, False)

        with futures.ThreadPoolExecutor(number) as pool:
            return [each.exception() for each in [pool.submit(delete, one) for one in conductors]]

    def test_of_few_resources(self):
        removed = self.fill(3)
        self.assert_one_deletes(self.outcomes(), removed)

    def test_of_many_resources(self):
        removed = self.fill()
        self.assert_one_deletes(self.outcomes(), removed)

    def assert_one_deletes(self, outcomes, removed):
        self.assertIn(None, outcomes)
        self.assertLessEqual({*map(type, outcomes)}, {type(None), errors.NotFound})
        self.assert_gone()
        self.assert_told_once(removed)


class ChangedMeanwhileTest(DeletionsTest):
    """Workers of nodes, and requests, change rows between the reading and the commit of a deletion."""

    def touch_at_odd_commits(self, operations_to_touch):
        """Change operations just before every second commit, so that each commit of them fails once."""

        def before(number):
            if number % 2:
                database = self.database.store
                for row in database.list(models.Operation):
                    if row.operation_kind in operations_to_touch and not row.ended_at:
                        progress = row.progress | {"touched": number}
                        database.commit(store.Update(row, {"progress": progress}))

        self.store.before = before

    def test_an_operation_on_a_node_goes_on(self):
        self.fill()
        node = models.Node(name="n1", podm_id=self.uuid)
        composing = operations.new(self.user, "compose", "node", node.uuid, now=self.store.at())
        self.database.store.commit(store.Create(node), store.Create(composing))
        self.touch_at_odd_commits({"compose"})
        self.delete(force=True)
        self.assert_gone()
        self.assertEqual("cancelled", self.store.get(models.Operation, composing.uuid).state)

    def test_the_operation_of_the_deletion_is_changed(self):
        removed = self.fill()
        self.touch_at_odd_commits({operations.DELETION})
        self.delete()
        self.assert_gone()
        self.assert_told_once(removed)
        (ended,) = self.store.list(models.Operation)
        self.assertEqual(("succeeded", RESOURCES), (ended.state, ended.progress["removed"]))
