# SPDX-License-Identifier: Apache-2.0
"""The drives of storage devices are erased before nobody has them any more, whatever the pod manager answers."""

import contextlib
import types
from unittest import mock

import fixtures

from tests import base as tests_base
from tests import devices
from tests import embedded
from tests import message_bus
from tests.unit.conductor.nodes import composing
from tests.unit.conductor.nodes.devices.attach import test_attach
from valence.common import errors
from valence.common import introspection_errors
from valence.composition import candidates
from valence.conductor.nodes import hardware
from valence.conductor.nodes.devices import erasing
from valence.db import models
from valence.db import store
from valence.podmanagers import base
from valence.podmanagers import composers

MACHINE, OTHER = "/redfish/v1/Systems/own", "/redfish/v1/Systems/other"
TASK = base.Outcome(base.TASK, task_url="/redfish/v1/TaskService/Tasks/1", retry_after=1)


def interrupted():
    """Return the error of a task that somebody ended."""
    return errors.PodManagerError(url="http://127.0.0.1", reason="interrupted")


class Job:
    """An operation on a node whose steps a test calls: a handle, a store, and a driver that is a stand-in."""

    def __init__(self, database, node, driver):
        self.store, self.node, self.handle = database, node, {}
        self.options = types.SimpleNamespace(erase="if_offered", erase_timeout=60)
        self.context = message_bus.user_context()
        self._driver = driver

    @contextlib.contextmanager
    def driver(self):
        """Give the connection."""
        yield self._driver

    def note(self, **values):
        """Set values of the handle."""
        self.handle |= values

    def save(self, *changes, **values):
        """Store changes, and values of the handle."""
        self.store.commit(*changes)
        self.handle |= values


class Driver:
    """A connection whose composer is a stand-in; ``answers`` are what its tasks answer, or raise."""

    def __init__(self):
        self.hardware, self.answers = composing.Hardware(), []

    def composer(self):
        """Return what composes."""
        return self.hardware

    def follow(self, task_url):
        """Return what became of a task."""
        answer = self.answers.pop(0) if self.answers else base.Outcome(base.DONE)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Steps:
    """What the erasing of devices needs of the steps that it is part of."""

    def __init__(self, job):
        self.job = job

    def paths(self, uuids):
        """Return the paths of devices."""
        wanted = [store.Filter("uuid", "in", list(uuids))]
        return {row.uuid: row.resource_url for row in self.job.store.list(models.Resource, filters=wanted)}


class ErasureCase(tests_base.TestCase):
    """A node with a storage device of two drives."""

    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        pool = devices.Pool(self.store)
        podm = pool.pod_manager()
        (self.row,) = pool.add(podm, pool.zoning(podm), "Storage", full=True)
        self.url = f"/redfish/v1/{self.row.uuid}"
        node = models.Node(name="web", podm_id=podm.uuid, state="decomposing", resource_url=MACHINE)
        self.store.commit(store.Create(node))
        self.claim = models.Claim(
            id=f"{self.row.uuid}/1",
            node_id=node.uuid,
            device_id=self.row.uuid,
            podm_id=podm.uuid,
            part="storage/0",
            state="attached",
        )
        self.driver = Driver()
        self.hardware = self.driver.hardware
        self.drives = [f"{self.url}/Drives/{number}" for number in (1, 2)]
        self.hardware.drives = {self.url: self.drives}
        self.hardware.machines_[MACHINE] = (None, (self.url,))
        self.job = Job(self.store, node, self.driver)
        self.erasure = erasing.Erasure(Steps(self.job), [self.claim])

    @property
    def device(self):
        """The row of the device, with what it gets when it is returned."""
        row = self.store.get(models.Device, self.row.uuid)
        return row.replace(**self.erasure.values().get(row.uuid, {}))

    def change(self, **values):
        """Store values of the device."""
        self.store.commit(store.Update(self.store.get(models.Device, self.row.uuid), values))

    def make(self, most=50):
        """Erase until that has ended."""
        for _ in range(most):
            if self.erasure.make(MACHINE) is None:
                return
        self.fail(f"not ended after {most} looks: {self.job.handle}")

    def left(self):
        """Erase, and return why the device was not erased."""
        self.make()
        self.assertEqual("not_erased", self.erasure.result)
        return self.erasure.left[self.row.uuid]

    def assert_erased(self):
        self.make()
        self.assertEqual(("complete", {}), (self.erasure.result, self.erasure.left))
        self.assertEqual(set(self.drives), set(self.hardware.erased))

    def events(self, happened):
        """Return the events of a type."""
        wanted = store.Filter("event_type", "eq", f"valence.node.{happened}")
        return self.store.list(models.Event, filters=[wanted])


class WantedTest(ErasureCase):
    def test_the_site_or_a_client_wants_it(self):
        for policy, asked, expected in (
            ("never", False, False),
            ("never", True, True),
            ("if_offered", False, True),
            ("required", False, True),
        ):
            self.job.options.erase = policy
            self.assertEqual(expected, self.erasure.is_wanted(asked), (policy, asked))

    def test_only_storage_devices_that_a_machine_has_had_are_erased(self):
        self.change(device_type="Compute")
        self.assertFalse(self.erasure.is_wanted(True))
        self.change(device_type="Storage")
        unused = erasing.Erasure(Steps(self.job), [self.claim.replace(state="claimed")])
        self.assertFalse(unused.is_wanted(True))

    def test_a_device_that_is_not_projected_is_known_by_its_part(self):
        self.store.commit(store.Delete(self.row))
        self.assert_erased()

    def test_the_disks_of_an_adopted_machine_are_not_erased(self):
        node = models.Node(name="plain", podm_id=self.row.podm_id, kind="system")
        self.assertRaises(introspection_errors.NotOffered, erasing.erasable, self.store, node, {})

    def test_only_storage_devices_of_the_node_can_be_named(self):
        self.store.commit(store.Create(self.claim))
        node = self.job.node
        self.assertEqual([self.claim.id], [each.id for each in erasing.erasable(self.store, node, {})])
        for action, path in (({"uuid": node.uuid}, "$.erase.uuid"), ({"uuid": self.row.uuid}, None)):
            if path is None:
                self.assertEqual(1, len(erasing.erasable(self.store, node, action)))
                continue
            error = self.assertRaises(errors.ValidationFailed, erasing.erasable, self.store, node, action)
            self.assertEqual(path, error.problems[0]["path"])
        self.change(device_type="Compute")
        error = self.assertRaises(errors.ValidationFailed, erasing.erasable, self.store, node, {})
        self.assertEqual("$.erase", error.problems[0]["path"])


class EndTest(ErasureCase):
    def test_each_drive_is_erased_once(self):
        self.assert_erased()
        self.assertEqual(["erase", "erase"], self.hardware.requests)
        self.assertEqual(("free", None), (self.device.state, self.device.reason))
        [event] = self.events("device_erased")
        self.assertEqual((self.row.uuid, "storage/0"), (event.new["device_id"], event.new["part"]))

    def test_a_device_that_cannot_be_erased_is_free_and_says_why(self):
        self.hardware.drives = {}
        self.assertIn("erasing of drives", self.left())
        self.assertEqual("free", self.device.state)
        self.assertIn(f"not erased after node {self.job.node.uuid}: ", self.device.reason)
        [event] = self.events("device_not_erased")
        self.assertIn("erasing of drives", event.new["reason"])

    def test_it_is_dirty_at_once_where_erasing_is_required(self):
        self.job.options.erase = "required"
        self.hardware.answers = [interrupted()] * 6
        self.assertIn("interrupted", self.left())
        self.assertEqual("dirty", self.store.get(models.Device, self.row.uuid).state)
        self.assertEqual("dirty", self.device.state)

    def test_devices_that_a_node_keeps_are_not_dirty(self):
        self.job.options.erase, self.hardware.drives = "required", {}
        self.erasure = erasing.Erasure(Steps(self.job), [self.claim], is_release=False)
        self.left()
        self.assertEqual("free", self.store.get(models.Device, self.row.uuid).state)

    def test_an_erased_device_is_clean_again(self):
        for state in ("dirty", "free"):
            self.change(state=state, reason="It was not erased after node 1: no")
            self.job.handle.clear()
            self.make()
            self.assertEqual(("free", None), (self.device.state, self.device.reason))

    def test_what_is_faulty_stays_so(self):
        self.hardware.drives = {}
        self.change(state="unhealthy", reason="Its health is Critical.")
        self.left()
        self.assertEqual("unhealthy", self.device.state)
        self.assertIn("Its health is Critical. It was not erased after node", self.device.reason)
        self.assertTrue(erasing.is_unerased(self.device))

    def test_a_device_that_is_still_projected_as_used_says_why_too(self):
        self.hardware.drives = {}
        self.change(state="in_use", reason="Systems/own uses it.")
        self.left()
        self.assertTrue(self.device.reason.startswith("It was not erased after node"), self.device.reason)


class ObstacleTest(ErasureCase):
    def test_a_shared_device_keeps_the_data_of_the_others(self):
        self.change(slots=2)
        self.assertIn("share", self.left())
        self.assertEqual([], self.hardware.erased)

    def test_a_device_of_another_machine_is_not_erased(self):
        self.hardware.machines_ = {OTHER: (None, (self.url,))}
        self.assertIn(OTHER, self.left())
        self.assertEqual([], self.hardware.erased)

    def test_a_device_that_another_machine_gets_meanwhile_is_not_asked_again(self):
        self.hardware.answers = [interrupted()]
        self.assertIsNotNone(self.erasure.make(MACHINE))
        self.hardware.machines_ = {OTHER: (None, (self.url,))}
        before = list(self.hardware.requests)
        self.assertIn(OTHER, self.left())
        self.assertEqual(before, self.hardware.requests)

    def test_a_device_that_its_machine_has_lost_is_not_erased(self):
        lost = self.claim.replace(state="failed", error="The machine of its node does not have it any more.")
        self.erasure = erasing.Erasure(Steps(self.job), [lost])
        self.assertEqual(lost.error, self.left())
        self.assertEqual([], self.hardware.erased)

    def test_a_device_that_is_gone_is_not_erased(self):
        self.store.commit(store.Delete(self.store.get(models.Resource, self.row.uuid)))
        self.assertIn("gone", self.left())

    def test_a_device_that_is_gone_is_dirty_when_it_comes_back_where_erasing_is_required(self):
        for policy, reason in (
            ("if_offered", None),
            ("required", f"It was not erased after node {self.job.node.uuid}: It is gone"),
        ):
            self.job.options.erase = policy
            resource = self.store.get(models.Resource, self.row.uuid)
            names = ("uuid", "podm_id", "resource_url", "resource_type")
            gone = models.RemovedResource(
                **{name: getattr(resource, name) for name in names}, removed_at=self.store.at()
            )
            self.store.commit(store.Delete(resource), store.Create(gone))
            self.assertIn("gone", self.left())
            kept = self.store.get(models.RemovedResource, self.row.uuid)
            self.assertEqual(reason, kept.unerased and kept.unerased[: len(reason or "")])
            self.store.commit(store.Delete(kept), store.Create(resource))
            self.job.handle = {}


class LostTest(ErasureCase):
    def test_a_lost_answer_is_asked_again(self):
        self.hardware.answers = [composing.lost()]
        self.assert_erased()
        self.assertEqual(3, self.hardware.requests.count("erase"))

    def test_a_drive_that_says_it_is_at_work_is_waited_for_and_not_asked_again(self):
        del self.drives[1:]
        self.hardware.erasing = set(self.drives)
        self.hardware.answers = [composing.case.unknown()]
        for _ in range(5):
            self.assertIsNotNone(self.erasure.make(MACHINE))
        self.hardware.erasing.clear()
        self.make()
        self.assertEqual("complete", self.erasure.result)
        self.assertEqual(1, self.hardware.requests.count("erase"))

    def test_answers_that_are_lost_again_and_again_leave_it_not_erased(self):
        self.hardware.answers = [composing.lost() for _ in range(6)]
        self.assertIn("answers", self.left())
        self.assertEqual([], self.hardware.erased)

    def test_a_task_that_was_interrupted_is_begun_again(self):
        del self.drives[1:]
        self.driver.answers = [TASK, interrupted(), interrupted()]
        self.hardware.answers = [TASK, TASK]
        self.make()
        self.assertEqual("complete", self.erasure.result)
        self.assertEqual(2, self.hardware.requests.count("erase"))

    def test_a_task_that_is_forgotten_is_begun_again(self):
        del self.drives[1:]
        self.driver.answers = [base.Outcome(base.UNKNOWN)]
        self.hardware.answers = [TASK]
        self.make()
        self.assertEqual("complete", self.erasure.result)
        self.assertEqual(2, self.hardware.requests.count("erase"))

    def test_a_busy_pod_manager_is_asked_later(self):
        self.hardware.answers = [composing.busy()]
        self.assert_erased()

    def test_a_pod_manager_that_is_away_says_nothing_of_the_device(self):
        for error in (
            composing.case.unreachable(),
            errors.PodManagerAuthFailed(url="http://127.0.0.1", reason="401"),
        ):
            self.hardware.answers = [error]
            self.assertRaises(type(error), self.erasure.make, MACHINE)
        self.assertEqual({}, self.erasure.left)
        self.assert_erased()

    def test_what_takes_too_long_counts_as_not_erased(self):
        self.hardware.erasing = set(self.drives)
        self.assertIsNotNone(self.erasure.make(MACHINE))
        self.job.options.erase_timeout = -1
        self.assertIn("within -1 seconds", self.left())

    def test_an_error_of_one_read_is_a_pause(self):
        del self.drives[1:]
        for read in ("look", "media", "is_erasing"):
            self.job.handle.clear()
            self.hardware.erased.clear()
            usual, calls = getattr(self.hardware, read), []

            def once(url, usual=usual, calls=calls):
                calls.append(url)
                if len(calls) == 1:
                    raise interrupted()
                return usual(url)

            setattr(self.hardware, read, once)
            self.assert_erased()
            setattr(self.hardware, read, usual)
            self.assertEqual(1, len(self.hardware.erased), read)

    def test_an_error_of_one_read_of_a_task_is_no_failure_of_the_task(self):
        del self.drives[1:]
        self.driver.answers = [TASK, interrupted(), TASK]
        self.hardware.answers = [TASK]
        self.assert_erased()
        self.assertEqual(1, self.hardware.requests.count("erase"))

    def test_pauses_end_with_the_time_limit(self):
        for error in (interrupted(), composing.busy()):
            self.job.handle.clear()
            self.hardware.look = mock.Mock(side_effect=error)
            self.assertIsNotNone(self.erasure.make(MACHINE))
            self.pass_time(61)
            self.assertIn(error.detail, self.left())
        self.assertEqual([], self.hardware.requests)

    def test_the_time_limit_begins_with_the_first_request_that_is_accepted(self):
        look = self.hardware.look
        self.hardware.look = mock.Mock(side_effect=interrupted())
        self.erasure.make(MACHINE)
        self.pass_time(50)
        self.hardware.look, self.hardware.erasing = look, set(self.drives)
        self.erasure.make(MACHINE)
        self.pass_time(50)
        self.assertIsNotNone(self.erasure.make(MACHINE))
        self.hardware.erasing.clear()
        self.assert_erased()

    def test_a_device_that_was_not_asked_before_an_outage_is_asked_after_it(self):
        self.fail_once()
        self.pass_time(100)
        self.assert_erased()

    def test_what_was_erased_in_an_outage_is_erased(self):
        self.hardware.erasing = set(self.drives)
        self.erasure.make(MACHINE)
        self.erasure.make(MACHINE)
        self.pass_time(100)
        self.hardware.erasing = set()
        self.assert_erased()

    def test_an_outage_is_no_part_of_the_time_limit(self):
        self.hardware.erasing = set(self.drives)
        self.erasure.make(MACHINE)
        self.pass_time(50)
        self.fail_once()
        self.pass_time(100)
        self.assertIsNotNone(self.erasure.make(MACHINE))
        self.pass_time(20)
        self.assertIn("within 60 seconds", self.left())

    def fail_once(self):
        """Look while the pod manager is away, as an operation on a node does."""
        look, self.hardware.look = self.hardware.look, mock.Mock(side_effect=composing.case.unreachable())
        self.assertRaises(errors.PodManagerUnreachable, self.erasure.make, MACHINE)
        self.job.handle["since"] = {"step": "erase", "at": self.store.now()}
        self.hardware.look = look

    def pass_time(self, seconds):
        """Let the clock of the store go on."""
        now = self.store.now
        self.store.now = lambda: now() + seconds

    def test_the_time_that_a_pod_manager_was_away_is_forgotten(self):
        self.job.handle["since"] = {"step": "erase", "at": 0}
        self.assert_erased()
        self.assertIsNone(self.job.handle["since"])

    def test_looks_at_a_drive_at_work_are_rarer(self):
        self.hardware.erasing = set(self.drives)
        self.erasure.make(MACHINE)
        self.assertEqual(erasing.POLL_INTERVALS * hardware.INTERVAL, self.erasure.make(MACHINE))


class NodeCase(test_attach.ChangeCase):
    """A node whose third part is a storage device with two drives."""

    def setUp(self):
        # A synchronization would not find a storage device at the path of this part.
        update = "valence.conductor.inventory.devices.Projection.update"
        self.useFixture(fixtures.MonkeyPatch(update, lambda *arguments, **keywords: None))
        super().setUp()
        self.attach()
        self.hardware.requests.clear()
        self.drives = [f"{self.url}/Drives/{number}" for number in (1, 2)]
        self.hardware.drives = {self.url: self.drives}
        row = models.Device(
            uuid=self.part.uuid,
            podm_id=self.podm_id,
            device_type="Storage",
            state="free",
            node_id=self.change_node.uuid,
            full=True,
        )
        self.store.commit(store.Create(row))

    @property
    def device(self):
        return self.store.get(models.Device, self.part.uuid)

    def set_policy(self, erase):
        self.conductor.conf.set_override("erase", erase, "composition")


class DecomposeTest(NodeCase):
    def test_drives_are_erased_while_the_machine_is_off_and_still_has_them(self):
        self.conductor.conf.set_override("power_off_first", False, "composition")
        operation = self.decompose(self.change_node)
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result), operation.cause)
        self.assertEqual(["power_off", "erase", "remove", "gone"], self.steps(operation))
        self.assertEqual(["erase", "erase", "decompose"], self.hardware.requests)
        self.assertEqual("Off", self.machines.power[self.change_node.resource_url])
        self.assertEqual(("free", None, None), (self.device.state, self.device.reason, self.device.node_id))

    def test_a_device_that_must_be_erased_and_cannot_be_is_selected_by_nobody_until_it_is_freed(self):
        self.set_policy("required")
        self.hardware.answers = [interrupted()] * 6
        operation = self.decompose(self.change_node)
        self.assertEqual(("succeeded", "not_erased"), (operation.state, operation.result), operation.cause)
        self.assertEqual(("dirty", False, None), (self.device.state, self.device.full, self.device.node_id))
        free = [store.Filter("uuid", "eq", self.part.uuid), *candidates.FREE]
        self.assertEqual(0, self.store.count(models.Device, filters=free))
        freed = self.conductor.client.devices.update(self.context, self.part.uuid, {"state": "free"})
        self.assertEqual(("free", None), (freed["state"], freed["reason"]))
        self.assertEqual(1, self.store.count(models.Device, filters=free))

    def test_a_decomposition_that_erases_is_not_cancelled(self):
        self.set_policy("never")
        self.hardware.erasing = set(self.drives)
        operation = self.nodes.delete(self.context, None, self.change_node.uuid, erase=True)
        self.wait_for(lambda: self.hardware.requests, timeout=20)
        self.conductor.client.operations.cancel(self.context, operation["uuid"])
        self.hardware.erasing.clear()
        self.assertEqual("succeeded", self.ended(operation).state)

    def test_a_cancelled_removal_leaves_nothing_for_the_next_one(self):
        self.set_policy("never")
        worker = self.conductor.service._node_worker
        worker._loop.stop()

        def end(cancels, **flags):
            operation = self.nodes.delete(self.context, None, self.change_node.uuid, **flags)["uuid"]
            if cancels:
                self.conductor.client.operations.cancel(self.context, operation)
            self.wait_for(
                lambda: worker.look() or self.store.get(models.Operation, operation).ended_at, timeout=20
            )
            return self.store.get(models.Operation, operation).state

        self.assertEqual("cancelled", end(True, erase=True, force=True))
        self.assertNotIn("erase", self.node(self.change_node.uuid).handle)
        self.assertNotIn("force", self.node(self.change_node.uuid).handle)
        self.assertEqual("succeeded", end(False))
        self.assertEqual([], self.hardware.erased)


class DetachTest(NodeCase):
    def detach(self, **request):
        return self.act(self.change_node, detach={"device_id": self.part.uuid} | request)

    def test_a_device_is_erased_once_its_machine_has_lost_it(self):
        self.set_policy("never")
        operation = self.detach(erase=True)
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result), operation.cause)
        self.assertEqual(["detach", "erase", "erase"], self.hardware.requests)

    def test_a_device_that_was_not_erased_says_so(self):
        self.hardware.drives = {}
        self.assertEqual("not_erased", self.detach().result)
        self.assertIn("not erased", self.device.reason)
        self.assertEqual("composed", self.node(self.change_node.uuid).state)


class UndoneTest(NodeCase):
    def test_a_device_that_a_machine_had_for_a_while_is_erased(self):
        self.set_policy("never")
        self.detach()
        self.set_policy("required")
        self.hardware.state = composers.FAILED
        self.assertEqual("failed", self.attach().state)
        self.assertEqual((self.drives, "free"), (self.hardware.erased, self.device.state))
        self.hardware.drives = {}
        self.assertEqual("failed", self.attach().state)
        self.assertEqual(("dirty", None), (self.device.state, self.device.node_id))

    def test_a_device_that_no_machine_had_is_not_erased(self):
        self.set_policy("never")
        self.detach()
        self.set_policy("required")
        self.hardware.answers = [introspection_errors.NotOffered(what="that")]
        self.assertEqual("failed", self.attach().state)
        self.assertEqual(([], "free"), (self.hardware.erased, self.device.state))


class EraseTest(NodeCase):
    def test_a_node_keeps_the_devices_that_are_erased(self):
        operation = self.act(self.change_node, erase={})
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result), operation.cause)
        self.assertEqual(self.drives, self.hardware.erased)
        self.assertEqual("Off", self.machines.power[self.change_node.resource_url])
        self.assertEqual("composed", self.node(self.change_node.uuid).state)
        self.assertIn(self.url, self.used)
        self.hardware.drives = {}
        failed = self.act(self.change_node, erase={"device_id": self.part.uuid})
        self.assertEqual("failed", failed.state)
        self.assertIn(self.part.uuid, failed.cause)
