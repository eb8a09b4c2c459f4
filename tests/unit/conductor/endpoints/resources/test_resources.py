# SPDX-License-Identifier: Apache-2.0
"""Live documents of resources."""

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import context
from valence.common import errors
from valence.conductor.endpoints import resources
from valence.db import models
from valence.db import store


class DetailsCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod())
        conductor = self.conductor = self.useFixture(embedded.Conductor())
        self.resources = conductor.client.resources
        self.context = message_bus.user_context()
        access = {"url": f"{self.pod.simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        conductor.client.pod_managers.create(self.context, {"name": "pod"} | access)
        self.wait_for(lambda: len(conductor.database.resources("System")) == 2)
        self.systems = {each.name: each.uuid for each in conductor.database.resources("System")}

    def details(self):
        return self.resources.details(self.context, list(self.systems.values()))


class DetailsTest(DetailsCase):
    def test_each_resource_has_its_document(self):
        found = self.details()
        self.assertEqual(self.systems, {each["detail"]["Name"]: uuid for uuid, each in found.items()})

    def test_a_resource_that_cannot_be_read_says_why_and_the_others_come(self):
        self.pod.simulator.set_faults(error_rate=1.0, fault_paths="Systems/System1$")
        found = self.details()
        self.assertEqual("valence.pod_manager_error", found[self.systems["System 1"]]["error"]["code"])
        self.assertIn("detail", found[self.systems["System 2"]])


class Silent:
    """Conductors that do not answer, as far beyond this process as those who were killed."""

    def read(self, context, host, uuids, *, pod_manager=None):
        raise errors.ConductorUnavailable(reason=f"{host} is silent")


class OwnerTest(DetailsCase):
    """The conductor that is asked is, or is not, the one that serves the pod manager."""

    def test_whoever_is_asked_lets_the_owner_read(self):
        service = self.conductor.service
        other = self.conductor.join("conductor-2", groups=["far"])
        self.wait_for(lambda: len(other._ownership.membership.members) == 2)
        found = other._resources.details(context.service_context(), uuids=list(self.systems.values()))
        self.assertEqual(self.systems, {each["detail"]["Name"]: uuid for uuid, each in found.items()})
        self.assertEqual(set(), other._connections.known())
        self.assertEqual(1, len(service._connections.known()))

    def test_while_the_owner_is_silent_another_of_its_group_reads_and_keeps_no_connection(self):
        other, endpoint = self.other("default")
        found = endpoint.details(context.service_context(), uuids=list(self.systems.values()))
        self.assertEqual(self.systems, {each["detail"]["Name"]: uuid for uuid, each in found.items()})
        self.assertEqual(set(), other._connections.known())

    def test_while_the_owner_is_silent_those_of_other_groups_say_that_nobody_can_read(self):
        _, endpoint = self.other("far")
        found = endpoint.details(context.service_context(), uuids=list(self.systems.values()))
        self.assertEqual(
            {("valence.conductor_unavailable", 503)},
            {(each["error"]["code"], each["error"]["status"]) for each in found.values()},
        )

    def test_of_a_group_without_a_conductor_nothing_is_read(self):
        pod_manager = self.conductor.database.store.list(models.PodManager)[0]
        self.conductor.database.store.commit(store.Update(pod_manager, {"conductor_group": "nobody"}))
        self.conductor.service._ownership.refresh()
        said = {(each["error"]["code"], each["error"]["status"]) for each in self.details().values()}
        self.assertEqual({("valence.group_unserved", 503)}, said)

    def other(self, group):
        """Return a conductor that serves nothing, and an endpoint of it that gets no answer from others."""
        other = self.conductor.join("conductor-2", groups=[group])
        mine = other._ownership
        self.wait_for(lambda: len(mine.membership.members) == 2)
        pod_manager = self.conductor.database.store.list(models.PodManager)[0]
        mine._owners = {pod_manager.uuid: "conductor-1"}
        mine.owned = frozenset()
        endpoint = resources.ResourcesEndpoint(
            self.conductor.conf, self.conductor.database.store, other._resources._documents, mine, Silent()
        )
        endpoint._host = "conductor-2"
        self.addCleanup(endpoint._questions.shutdown)
        return other, endpoint
