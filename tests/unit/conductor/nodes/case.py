# SPDX-License-Identifier: Apache-2.0
"""A conductor whose pod has two systems, with machines that do, or do not do, what they are asked for."""

import fixtures

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import composition_errors
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.podmanagers import base as podmanagers
from valence.podmanagers.redfish import driver


class Machines:
    """The power and boot of machines by URL; ``answers`` are called before an action, and may raise what is lost."""

    def __init__(self):
        self.power, self.boot, self.requests = {}, {}, []
        self.answers = []
        #: whether an action changes the machine
        self.obeys = True

    def machine_state(self, _driver, url):
        """Return the state of a machine."""
        target, enabled, mode = self.boot.get(url, (None, None, None))
        return podmanagers.MachineState(self.power.get(url, "On"), ["on"], target, enabled, mode)

    def reset(self, _driver, url, reset_type):
        """Do what is asked for, unless the machine does not obey."""
        self.requests.append(reset_type)
        is_refused = bool(self.answers) and type(self.answers[0]) is errors.PodManagerError
        if self.obeys and not is_refused:
            self.power[url] = "Off" if reset_type in ("force_off", "graceful_shutdown") else "On"
        return self._answer()

    def choose(self, _driver, url, *, target, enabled, mode=None):
        """Choose what a machine boots from."""
        self.requests.append(target)
        if self.obeys:
            self.boot[url] = (target, enabled, mode)
        return self._answer()

    def _answer(self):
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return podmanagers.Outcome(podmanagers.DONE)


class NodesCase(base.TestCase):
    options: dict = {}

    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod(system_blocks=0)).simulator
        self.machines = Machines()
        for name, function in (
            ("machine_state", self.machines.machine_state),
            ("power", self.machines.reset),
            ("boot", self.machines.choose),
        ):
            replaced = _method(function)
            self.useFixture(fixtures.MonkeyPatch(f"{driver.__name__}.RedfishDriver.{name}", replaced))
        self.conductor = self.useFixture(embedded.Conductor(**self.options))
        self.database = self.conductor.database
        self.store = self.database.store
        self.nodes = self.conductor.client.nodes
        self.context = message_bus.user_context()
        self.podm_id = self.register()

    def register(self):
        """Register the pod, wait for its synchronization, and return its UUID."""
        access = {"url": f"{self.pod.url}/redfish/v1", "username": "admin", "password": "password"}
        made = self.conductor.client.pod_managers.create(self.context, {"name": "pod"} | access)
        self.ended(made["operation"])
        return made["pod_manager"]["uuid"]

    def systems(self):
        """Return the two systems of the pod."""
        return self.database.resources("System")

    def adopt(self, system=None, **values):
        """Adopt a system, wait for that, and return its node."""
        system = system or self.systems()[0]
        made = self.nodes.manage(self.context, {"resource_id": system.uuid} | values)
        self.ended(made["operation"])
        return self.node(made["node"]["uuid"])

    def node(self, uuid):
        """Return the stored node."""
        return self.store.get(models.Node, uuid)

    def claims(self):
        """Return all claims."""
        return self.store.list(models.Claim)

    def act(self, node, **action):
        """Request an action, wait for its end, and return the operation."""
        return self.ended(self.nodes.act(self.context, None, node.uuid, action))

    def ended(self, operation):
        """Return an operation as it is after its end."""

        def stored():
            return self.store.get(models.Operation, operation["uuid"])

        self.wait_for(lambda: stored().ended_at, timeout=20, message=lambda: str(vars(stored())))
        return stored()

    def refused(self, kind, call, *arguments, **keywords):
        """Return the error of a kind that a call raises."""
        return self.assertRaises(kind, call, *arguments, **keywords)

    def change(self, row, **values):
        """Store values of a row."""
        return self.store.commit(store.Update(row, values))[0]


def unknown():
    """Return the error of a request whose answer was lost."""
    return composition_errors.HardwareOutcomeUnknown(url="http://127.0.0.1", reason="the connection was cut")


def unreachable():
    """Return the error of a request that was not sent."""
    return errors.PodManagerUnreachable(url="http://127.0.0.1", reason="the connection was refused")


def _method(function):
    def method(driver, *arguments, **keywords):
        return function(driver, *arguments, **keywords)

    return method
