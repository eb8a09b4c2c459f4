# SPDX-License-Identifier: Apache-2.0
"""Hardware that composes as a test wants it: the parts are the systems and chassis of a simulated pod."""

import fixtures

from tests.unit.conductor.nodes import case
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.podmanagers import base
from valence.podmanagers import composers


class Lost(composition_errors.HardwareOutcomeUnknown):
    """A request that did not arrive, which nobody can tell from one whose answer was lost."""


class Hardware(composers.Composer):
    """Machines by path, with their parts; ``answers`` are what the next requests answer, or raise, after they act."""

    def __init__(self):
        self.machines_, self.requests, self.answers = {}, [], []
        self.obeys, self.names, self.taken = True, True, {}
        #: paths of parts that are being composed with, and errors that the next searches raise
        self.changing, self.failures = set(), []
        #: the state of the machines
        self.state = composers.COMPOSED
        self._number = 0
        #: drives by the path of a part, those that were erased, and those that are being erased
        self.drives, self.erased, self.erasing = {}, [], set()

    def look(self, resource_urls):
        """Return the parts as they are."""
        parts = []
        for url in resource_urls:
            users = tuple(machine for machine, (_, used) in self.machines_.items() if url in used)
            reason = self.taken.get(url) or (f"{users[0]} has it" if users else None)
            consumers = users or ((reason,) if reason else ())
            parts.append(composers.Part(url, reason is None, reason, consumers, url in self.changing))
        return parts

    def machines(self):
        """Return the paths of the machines."""
        return list(self.machines_)

    def compose(self, plan):
        """Make a machine, if the hardware obeys."""
        self.requests.append("compose")
        url = None
        if self.obeys and not self._refuses():
            self._number += 1
            url = f"/redfish/v1/Systems/composed-{self._number}"
            self.machines_[url] = (plan.node_id if self.names else None, plan.resource_urls)
        return self._answer(base.Outcome(base.DONE, resource_url=url))

    def find(self, plan):
        """Return the machines that may be the one of a plan, by the node's mark or by their parts."""
        if self.failures:
            raise self.failures.pop(0)
        found = [url for url, (mark, _) in self.machines_.items() if mark == plan.node_id]
        found = found or [
            url for url, (_, used) in self.machines_.items() if set(used) == set(plan.resource_urls)
        ]
        return [self.machine(url, (), plan.node_id)._replace(state=composers.COMPOSED) for url in found]

    def machine(self, machine_url, resource_urls, node_id=None):
        """Return a machine with its parts."""
        if machine_url not in self.machines_:
            raise errors.ResourceGone(url="http://127.0.0.1", reason="404")
        mark, used = self.machines_[machine_url]
        is_marked = bool(mark) and mark == node_id
        return composers.Composed(machine_url, self.state, tuple(used), is_marked, base.Sign(mark))

    def attach(self, machine_url, resource_url):
        """Add a part to a machine, if the hardware obeys."""
        return self._change("attach", machine_url, lambda used: (*used, resource_url))

    def detach(self, machine_url, resource_url, *, force=False):
        """Remove a part from a machine, if the hardware obeys."""
        return self._change(
            "detach", machine_url, lambda used: tuple(each for each in used if each != resource_url)
        )

    def _change(self, what, machine_url, changed):
        self.requests.append(what)
        if self.obeys and not self._refuses() and machine_url in self.machines_:
            mark, used = self.machines_[machine_url]
            self.machines_[machine_url] = (mark, changed(used))
        return self._answer(base.Outcome(base.DONE, resource_url=machine_url))

    def decompose(self, machine_url, *, is_created=False, force=False):
        """Take a machine apart, if the hardware obeys."""
        self.requests.append("decompose")
        if self.obeys and not self._refuses():
            self.machines_.pop(machine_url, None)
        return self._answer(base.Outcome(base.DONE))

    def exists(self, machine_url, *, is_created=False):
        """Return whether a machine is there."""
        return machine_url in self.machines_

    def media(self, resource_url):
        """Return the drives of a part."""
        if resource_url not in self.drives:
            raise introspection_errors.NotOffered(what="erasing of drives")
        return self.drives[resource_url]

    def erase(self, medium_url):
        """Erase a drive, if the hardware obeys."""
        self.requests.append("erase")
        if self.obeys and not self._refuses():
            self.erased.append(medium_url)
        return self._answer(base.Outcome(base.DONE))

    def is_erasing(self, medium_url):
        """Return whether a drive is being erased."""
        return medium_url in self.erasing

    def _refuses(self):
        """Return whether the next answer says that nothing was done."""
        refusals = (composition_errors.DeviceTaken, composition_errors.PodManagerBusy)
        return bool(self.answers) and isinstance(self.answers[0], (*refusals, Lost))

    def _answer(self, usual):
        answer = self.answers.pop(0) if self.answers else usual
        if isinstance(answer, Exception):
            raise answer
        return answer


class ComposingCase(case.NodesCase):
    options = {"composition__timeout": 6, "composition__power_timeout": 4}

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.hardware.FREE_SECONDS", 0.5))
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.hardware.INTERVAL", 0.1))
        self.hardware = Hardware()
        self.useFixture(
            fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.composer", lambda _: self.hardware)
        )
        self.parts = [*self.database.resources("System"), *self.database.resources("Chassis")][:3]

    def request(self):
        """Store a node with claims of all parts and the operation that composes it, and return both."""
        node = models.Node(name="web", podm_id=self.podm_id)
        operation = operations.new(self.context, "compose", "node", node.uuid)
        claims = [
            models.Claim(
                id=f"{part.uuid}/1",
                node_id=node.uuid,
                device_id=part.uuid,
                podm_id=self.podm_id,
                part=f"part/{number}",
            )
            for number, part in enumerate(self.parts)
        ]
        stored = self.store.commit(*map(store.Create, (node, operation, *claims)))
        self.conductor.service._node_worker.wake()
        return stored[0], stored[1]

    def compose(self):
        """Compose a node, and return it and its operation as they are after that."""
        node, operation = self.request()
        ended = self.ended(operation.public())
        return self.node(node.uuid), ended

    def decompose(self, node):
        """Take a node apart, and return the operation after its end."""
        return self.ended(self.nodes.delete(self.context, None, node.uuid))

    def cancelled(self, begin):
        """Cancel the operation that ``begin()`` stores after its first request, and return it after its end."""
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        uuid = begin().uuid
        self.wait_for(lambda: worker.look() or self.hardware.requests, timeout=20)
        self.conductor.client.operations.cancel(self.context, uuid)
        self.wait_for(lambda: worker.look() or self.store.get(models.Operation, uuid).ended_at, timeout=20)
        return self.store.get(models.Operation, uuid)

    def steps(self, operation):
        """Return the names of the steps of an operation."""
        return [step["name"] for step in operation.steps]


def lost():
    """Return the error of a request that did not arrive, as far as anybody knows."""
    return Lost(url="http://127.0.0.1", reason="the connection was cut")


def failed():
    """Return the error of a composition that the pod manager refused."""
    return composition_errors.CompositionFailed(url="http://127.0.0.1", reason="not today")


def busy():
    """Return the error of a pod manager that asks for the request later."""
    return composition_errors.PodManagerBusy(url="http://127.0.0.1", reason="503", seconds=0)


def taken():
    """Return the error of a pod manager whose part is another client's."""
    return composition_errors.DeviceTaken(device="/redfish/v1/Systems/1", reason="409")
