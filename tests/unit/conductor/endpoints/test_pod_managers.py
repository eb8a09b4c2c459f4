# SPDX-License-Identifier: Apache-2.0
"""Changes of pod managers, over a bus, with their events and the work that follows."""

import functools
import json
from concurrent import futures

import fixtures

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import errors
from valence.common import secrets
from valence.conductor.work import operations
from valence.db import models
from valence.db import store

IDEMPOTENCY = {"key": "k" * 64, "request": "r" * 64}


class PodManagersTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.conductor = self.useFixture(embedded.Conductor())
        self.database = self.conductor.database
        self.pod_managers = self.conductor.client.pod_managers
        self.records = self.conductor.client.records
        self.context = message_bus.user_context()

    def values(self, **more):
        return {"name": "row-7", "url": "http://127.0.0.1:1/redfish/v1", "password": "s3cret"} | more

    def create(self, **more):
        return self.pod_managers.create(self.context, self.values(**more))["pod_manager"]

    def open(self, uuid):
        operation = operations.new(self.context, "sync", "pod_manager", uuid)
        return self.database.store.commit(store.Create(operation))[0]


class CreateTest(PodManagersTest):
    def test_it_is_stored_told_and_synchronized(self):
        simulator = self.useFixture(embedded.Pod()).simulator
        access = {"url": f"{simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        answer = self.pod_managers.create(self.context, self.values(**access))
        uuid = answer["operation"]["uuid"]
        self.wait_for(lambda: self.records.get(self.context, "Operation", uuid)["state"] == "succeeded")
        (created,) = self.database.events("pod_manager.create")
        self.assertEqual(("u1", answer["pod_manager"]["uuid"]), (created.actor, created.object_id))
        self.assertEqual(2, self.records.count(self.context, "ResourceWithState",
                                               filters=[["resource_type", "eq", "System"]]))  # fmt: skip

    def test_the_password_is_in_no_answer_and_no_event(self):
        shown = json.dumps(self.pod_managers.create(self.context, self.values(maintenance=True)))
        shown += self.records.list(self.context, "PodManager")["rows"]
        shown += self.records.list(self.context, "Event")["rows"]
        self.assertNotIn("s3cret", shown)
        self.assertEqual("s3cret", self.database.store.list(models.PodManager)[0].password)

    def test_every_spelling_of_a_url_is_one_registration(self):
        first = self.create(url="http://127.0.0.1:80", maintenance=True)
        self.assertEqual("http://127.0.0.1/redfish/v1", first["url"])
        for url in (
            "http://127.0.0.1",
            "HTTP://127.0.0.1:80/redfish/v1/",
            "http://127.1/redfish/v1",
            "http://[::ffff:127.0.0.1]/redfish/v1",
            "http://127.0.0.1/x/../redfish//v1",
        ):
            values = self.values(name="row-8", url=url)
            error = self.assertRaises(errors.Duplicate, self.pod_managers.create, self.context, values)
            self.assertIn(f"row-7 ({first['uuid']})", error.detail, url)

    def test_a_spelling_that_an_older_version_stored_is_found(self):
        row = models.PodManager(name="row-6", url="http://127.0.0.1:1", maintenance=True)
        self.database.store.commit(store.Create(row))
        self.conductor.service._ownership.refresh()
        error = self.assertRaises(errors.Duplicate, self.create)
        self.assertIn(f"row-6 ({row.uuid})", error.detail)

    def test_that_a_url_is_new_costs_no_query(self):
        read = []
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.conductor.inventory.duplicates.require_new_url",
                lambda *arguments: read.append(arguments),
            )
        )
        self.create(maintenance=True)
        self.assertEqual([], read)

    def test_a_url_that_the_driver_cannot_use_is_refused_by_name(self):
        error = self.assertRaises(errors.ValidationFailed, self.create, url="ftp://127.0.0.1")
        self.assertEqual("$.url", error.problems[0]["path"])

    def test_in_maintenance_nothing_is_asked_of_it(self):
        self.assertIsNone(self.pod_managers.create(self.context, self.values(maintenance=True))["operation"])

    def test_a_taken_name_and_a_taken_url_are_refused_by_name(self):
        self.create(maintenance=True)
        for other in ({"url": "http://127.0.0.1:2/redfish/v1"}, {"name": "row-8"}):
            error = self.assertRaises(errors.Duplicate, self.create, maintenance=True, **other)
            self.assertEqual(({"name", "url"} - other.keys()).pop(), error.kwargs["field"])

    def test_an_unknown_driver_is_refused_with_those_that_there_are(self):
        error = self.assertRaises(errors.ValidationFailed, self.create, driver="nope")
        self.assertEqual("$.driver", error.problems[0]["path"])
        self.assertIn("redfish", error.problems[0]["hint"])

    def test_repeated_with_its_key_it_is_done_once(self):
        wanted = self.values(maintenance=True)
        first = self.pod_managers.create(self.context, wanted, idempotency=IDEMPOTENCY)
        self.assertEqual(first, self.pod_managers.create(self.context, wanted, idempotency=IDEMPOTENCY))
        self.assertEqual(1, self.records.count(self.context, "PodManager"))


class UpdateTest(PodManagersTest):
    def setUp(self):
        super().setUp()
        self.old = self.create(maintenance=True)
        self.uuid = self.old["uuid"]

    def test_a_url_is_stored_in_one_form_and_only_if_it_is_free(self):
        first = self.old
        second = self.create(name="row-8", url="http://127.0.0.1:2/redfish/v1", maintenance=True)
        update = self.pod_managers.update
        same = update(self.context, second["uuid"], {"url": "http://127.0.0.1:2"})
        self.assertEqual((second["url"], second["revision"]), (same["url"], same["revision"]))
        changed = update(self.context, second["uuid"], {"url": "http://127.0.0.1:3/"})
        self.assertEqual("http://127.0.0.1:3/redfish/v1", changed["url"])
        error = self.assertRaises(
            errors.Duplicate, update, self.context, second["uuid"], {"url": "http://127.0.0.1:1"}
        )
        self.assertIn(first["uuid"], error.detail)

    def test_it_is_told_with_the_old_and_the_new_state(self):
        new = self.pod_managers.update(self.context, self.uuid, {"description": "x"}, revision=1)
        self.assertEqual(("x", 2), (new["description"], new["revision"]))
        (told,) = self.database.events("pod_manager.update")
        self.assertEqual(("", "x"), (told.old["description"], told.new["description"]))

    def test_what_changes_nothing_is_no_change(self):
        self.assertEqual(
            1, self.pod_managers.update(self.context, self.uuid, {"description": ""})["revision"]
        )
        self.assertEqual([], self.database.events("pod_manager.update"))

    def test_changes_at_the_same_time_that_name_no_revision_are_all_made(self):
        fields = ("description", "username", "verify_ca", "name")
        with futures.ThreadPoolExecutor(len(fields)) as pool:
            changes = [
                pool.submit(self.pod_managers.update, self.context, self.uuid, {name: f"{name}-{n}"})
                for n in range(5)
                for name in fields
            ]
        for change in changes:
            change.result()
        stored = self.records.get(self.context, "PodManager", self.uuid)
        self.assertEqual(
            (21, True), (stored["revision"], all(stored[name].startswith(name) for name in fields))
        )

    def test_another_revision_is_refused(self):
        self.assertRaises(
            errors.RevisionMismatch,
            self.pod_managers.update,
            self.context,
            self.uuid,
            {"name": "b"},
            revision=7,
        )

    def test_a_new_way_of_access_is_tried_at_once(self):
        simulator = self.useFixture(embedded.Pod()).simulator
        access = {"url": f"{simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        self.pod_managers.update(self.context, self.uuid, access | {"maintenance": False})
        self.wait_for(lambda: self.records.get(self.context, "PodManager", self.uuid)["status"] == "online")

    def test_a_missing_one_is_not_found(self):
        self.assertRaises(errors.NotFound, self.pod_managers.update, self.context, "none", {"name": "b"})


class LostKeyTest(PodManagersTest):
    """The key that a password was encrypted with is gone: everything but signing in still works."""

    def setUp(self):
        super().setUp()
        self.uuid = self.create(maintenance=True)["uuid"]
        path = secrets.key_file(self.conductor.conf)
        path.unlink()
        secrets.create(path)

    def test_the_password_can_be_entered_again(self):
        self.pod_managers.update(self.context, self.uuid, {"password": "new"})
        self.assertEqual("new", self.database.store.get(models.PodManager, self.uuid).password)

    def test_an_empty_password_replaces_it_too(self):
        self.pod_managers.update(self.context, self.uuid, {"password": ""})
        self.assertEqual("", self.database.store.get(models.PodManager, self.uuid).password)

    def test_other_fields_can_be_changed(self):
        new = self.pod_managers.update(self.context, self.uuid, {"description": "x"}, revision=1)
        self.assertEqual(("x", 2), (new["description"], new["revision"]))

    def test_it_can_be_deleted(self):
        self.pod_managers.delete(self.context, self.uuid)
        self.assertEqual(0, self.records.count(self.context, "PodManager"))

    def test_it_can_be_deleted_by_force(self):
        self.pod_managers.delete(self.context, self.uuid, force=True)
        self.assertEqual(0, self.records.count(self.context, "PodManager"))

    def test_a_synchronization_can_be_asked_for_and_fails_with_the_cause(self):
        self.pod_managers.update(self.context, self.uuid, {"maintenance": False})
        asked = self.pod_managers.sync(self.context, self.uuid)
        ended = self.wait_for(
            lambda: (one := self.database.store.get(models.Operation, asked["uuid"])).ended_at and one
        )
        self.assertEqual("failed", ended.state)
        self.assertIn("encrypted with a key", ended.cause)
        self.assertIn("enter the secret", ended.hint)

    def test_it_stops_no_other_from_being_claimed_and_synchronized(self):
        self.pod_managers.update(self.context, self.uuid, {"maintenance": False})
        simulator = self.useFixture(embedded.Pod()).simulator
        access = {"url": f"{simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        other = self.pod_managers.create(self.context, {"name": "other"} | access)["pod_manager"]["uuid"]
        self.wait_for(lambda: self.records.get(self.context, "PodManager", other)["status"] == "online")


class DeleteTest(PodManagersTest):
    def setUp(self):
        super().setUp()
        self.uuid = self.create(maintenance=True)["uuid"]

    def test_its_resources_go_with_it_and_each_is_told(self):
        rows = [
            models.Resource(podm_id=self.uuid, resource_url=f"/s/{n}", resource_type="System")
            for n in range(3)
        ]
        self.database.store.commit(*map(store.Create, rows))
        self.pod_managers.delete(self.context, self.uuid)
        self.assertEqual([], self.database.resources())
        removed = self.database.events("resource.removed")
        self.assertEqual({row.uuid for row in rows}, {each.object_id for each in removed})
        self.assertEqual("valence.pod_manager.delete", self.database.events()[-1].event_type)

    def test_what_waits_for_it_is_cancelled(self):
        self.stop_working()
        waiting = self.open(self.uuid)
        self.pod_managers.delete(self.context, self.uuid)
        self.assertEqual("cancelled", self.database.store.get(models.Operation, waiting.uuid).state)

    def test_while_an_operation_runs_it_is_refused_unless_forced(self):
        self.stop_working()
        running = self.database.store.commit(store.Update(self.open(self.uuid), {"state": "running"}))[0]
        error = self.assertRaises(errors.InUse, self.pod_managers.delete, self.context, self.uuid)
        self.assertIn(running.uuid, error.detail)
        self.pod_managers.delete(self.context, self.uuid, force=True)
        self.assertEqual("cancelled", self.database.store.get(models.Operation, running.uuid).state)

    def test_one_that_has_begun_ends_with_its_event(self):
        self.stop_working()
        begun = {"state": "running", "started_at": "2026-11-21T03:37:02Z"}
        self.database.store.commit(store.Update(self.open(self.uuid), begun))
        self.pod_managers.delete(self.context, self.uuid, force=True)
        (told,) = self.database.events("pod_manager.sync.error")
        self.assertEqual("The pod manager was deleted.", told.new["error"])

    def test_one_that_is_being_deleted_cannot_be_changed_nor_its_deletion_be_cancelled(self):
        self.stop_working()
        pod_manager = self.database.store.get(models.PodManager, self.uuid)
        operation = operations.deletion(self.context, pod_manager, "conductor-2", self.database.store.at())
        self.database.store.commit(store.Update(pod_manager, {"status": "deleted"}), store.Create(operation))
        update = functools.partial(self.pod_managers.update, self.context, self.uuid, {"maintenance": False})
        self.assertIn("is being deleted", self.assertRaises(errors.Conflict, update).detail)
        cancel = functools.partial(self.conductor.client.operations.cancel, self.context, operation.uuid)
        self.assertIn("cannot be cancelled", self.assertRaises(errors.Conflict, cancel).detail)

    def test_another_revision_is_refused(self):
        self.assertRaises(
            errors.RevisionMismatch, self.pod_managers.delete, self.context, self.uuid, revision=7
        )

    def stop_working(self):
        """Let the conductor answer, but do no work."""
        self.conductor.service._worker.stop()


class SyncTest(PodManagersTest):
    def test_one_that_waits_is_not_asked_for_twice(self):
        uuid = self.create(maintenance=True)["uuid"]
        self.conductor.service._worker.stop()
        self.pod_managers.update(self.context, uuid, {"maintenance": False})
        first = self.pod_managers.sync(self.context, uuid)
        self.assertEqual(first["uuid"], self.pod_managers.sync(self.context, uuid)["uuid"])

    def test_a_repeated_request_gets_the_one_that_waited_even_when_that_has_ended(self):
        uuid = self.create(maintenance=True)["uuid"]
        self.conductor.service._worker.stop()
        self.pod_managers.update(self.context, uuid, {"maintenance": False})
        first = self.pod_managers.sync(self.context, uuid)
        key = {"key": "k", "request": "r"}
        self.assertEqual(first["uuid"], self.pod_managers.sync(self.context, uuid, idempotency=key)["uuid"])
        operation = self.database.store.get(models.Operation, first["uuid"])
        self.database.store.commit(store.Update(operation, {"state": "succeeded"}))
        self.assertEqual(first["uuid"], self.pod_managers.sync(self.context, uuid, idempotency=key)["uuid"])

    def test_a_repeated_request_gets_the_first_answer_whatever_has_become_of_the_pod_manager(self):
        uuid = self.create(maintenance=True)["uuid"]
        self.conductor.service._worker.stop()
        self.pod_managers.update(self.context, uuid, {"maintenance": False})
        first = self.pod_managers.sync(self.context, uuid, idempotency=IDEMPOTENCY)
        self.pod_managers.update(self.context, uuid, {"maintenance": True})
        self.assertEqual(first, self.pod_managers.sync(self.context, uuid, idempotency=IDEMPOTENCY))
        self.pod_managers.delete(self.context, uuid)
        self.assertEqual(first, self.pod_managers.sync(self.context, uuid, idempotency=IDEMPOTENCY))

    def test_asked_for_while_the_pod_manager_is_deleted_it_is_refused_or_ends(self):
        self.conductor.service._worker.stop()
        for number in range(12):
            uuid = self.create(url=f"http://127.0.0.1:1/{number}", conductor_group="nobody")["uuid"]
            with futures.ThreadPoolExecutor(4) as pool:
                asked = [pool.submit(self.pod_managers.sync, self.context, uuid) for _ in range(3)]
                self.pod_managers.delete(self.context, uuid)
            for each in asked:
                if each.exception() is not None:
                    self.assertIsInstance(each.exception(), errors.NotFound)
        # Both may still be under way when the answer comes: the last word is the database's.
        self.assertEqual({"cancelled"}, {each.state for each in self.database.store.list(models.Operation)})

    def test_asked_for_after_the_deletion_was_decided_it_is_not_stored(self):
        uuid = self.create(maintenance=True)["uuid"]
        self.pod_managers.update(self.context, uuid, {"maintenance": False})
        gone = self.database.store.get(models.PodManager, uuid)
        self.pod_managers.delete(self.context, uuid)
        before = self.records.count(self.context, "Operation")
        self.patch(type(self.database.store), "get_without_secrets", lambda *_: gone)
        ask = functools.partial(operations.ask_for_sync, self.database.store, self.context, uuid)
        self.assertRaises(errors.NotFound, ask, lambda answer: [])
        self.assertEqual(before, self.records.count(self.context, "Operation"))

    def test_in_maintenance_it_is_refused(self):
        self.assertRaises(
            errors.Conflict, self.pod_managers.sync, self.context, self.create(maintenance=True)["uuid"]
        )
