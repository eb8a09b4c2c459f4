# SPDX-License-Identifier: Apache-2.0
"""What the acceptance tests share: a deployment of Valence, and ways to ask it and to wait for it."""

import collections

import requests

from tests import base
from tests import bus
from tests import deployment
from tests import stores
from valence.conductor.cluster import ownership

#: of the simulated pods
CREDENTIALS = {"username": "admin", "password": "password"}
STATE_CHANGED = "valence.resource.state_changed"


class AcceptanceCase(base.TestCase):
    """A test of a deployment, ``self.valence``, with ``options`` and a number of ``conductors``."""

    time_limit = 120
    options: dict = {}
    conductors = 1

    def setUp(self):
        super().setUp()
        self.valence = self.useFixture(self.deployment())
        self.client = self.valence.client
        self.client.page = stores.page()
        self.consumer = bus.Consumer(self.valence.transport_url)

    def deployment(self, **where):
        """Return what is to be tested."""
        return deployment.Deployment(options=self.options, conductors=self.conductors, **where)

    def simulate(self, name="simulator", **options):
        """Return a new simulated pod, a process of its own."""
        return self.useFixture(deployment.Simulator(self.valence.folder, name, **options))

    def register(self, simulator, seconds=20):
        """Register a simulated pod, wait until it is synchronized, and return the pod manager."""
        uuid = self.valence.register(simulator.name, simulator.root, **CREDENTIALS)["uuid"]
        return self.wait_until_synchronized(uuid, seconds)

    def wait_until_synchronized(self, uuid, seconds=20):
        """Wait for the first synchronization of a pod manager and return it."""

        def synchronized():
            shown = self.pod_manager(uuid)
            return shown["last_synced_at"] and shown

        return self.wait_for(synchronized, seconds, lambda: str(self.pod_manager(uuid)))

    def synchronize(self, uuid, seconds=30):
        """Ask for a synchronization, wait until it has succeeded, and return the operation."""
        operation = self.client.post(f"/v1/pod_managers/{uuid}/sync", headers={"Prefer": f"wait={seconds}"})
        if not operation["ended_at"]:
            path = f"/v1/operations/{operation['uuid']}"
            self.wait_for(
                lambda: self.client.get(path)["ended_at"], seconds, lambda: str(self.client.get(path))
            )
            operation = self.client.get(path)
        self.assertEqual("succeeded", operation["state"], operation)
        return operation

    def pod_manager(self, uuid):
        return self.client.get(f"/v1/pod_managers/{uuid}")

    def are_shared_out(self):
        """Return whether all conductors live and agree which pod manager each of them serves.

        After one has joined or left, each of the others finds that out by itself: until then two conductors begin work
        on the same pod manager.
        """
        alive = self.client.rows("/v1/conductors", alive="true")
        groups = {row["uuid"]: row["conductor_group"] for row in self.client.rows("/v1/pod_managers")}
        owners = ownership.assign({row["hostname"]: row["conductor_groups"] for row in alive}, groups)
        loads = collections.Counter(owners.values())
        agreed = {row["hostname"]: row["pod_managers"] for row in alive}
        return len(alive) == self.conductors and agreed == {name: loads[name] for name in agreed}

    def wait_until_shared_out(self, seconds=60):
        """Wait until all conductors live and agree which pod manager each of them serves."""
        self.wait_for(self.are_shared_out, seconds, lambda: str(self.client.rows("/v1/conductors")))

    def resources(self, pod_manager):
        return self.client.rows("/v1/resources", podm_id=pod_manager["uuid"])

    def places(self, pod_manager):
        """Return the uuids of all resources by their URLs."""
        return {row["resource_url"]: row["uuid"] for row in self.resources(pod_manager)}

    def counts(self, pod_manager):
        """Return how many resources there are of each type."""
        return dict(collections.Counter(row["resource_type"] for row in self.resources(pod_manager)))

    def events(self, event_type=None, **filters):
        """Return all events, or those of a type, oldest first."""
        filters |= {"event_type": event_type} if event_type else {}
        return self.client.rows("/v1/events", **filters)

    def wait_for_events(self, number, event_type, seconds=20, **filters):
        """Return all events of a type as soon as there are at least ``number``."""

        def enough():
            events = self.events(event_type, **filters)
            return len(events) >= number and events

        return self.wait_for(enough, seconds, lambda: str(self.events(event_type, **filters)))

    def set_health(self, simulator, health, *systems):
        for system in systems:
            simulator.control.patch(f"/simulator/systems/{system}", {"health": health})

    def reset(self, root, system, reset_type):
        """Ask a Redfish service to change the power of a system."""
        url = f"{root}/Systems/{system}/Actions/ComputerSystem.Reset"
        answer = requests.post(url, json={"ResetType": reset_type}, auth=tuple(CREDENTIALS.values()))
        self.assertTrue(answer.ok, answer.text)

    def assert_every_resource_was_told_once(self):
        """Check that the history has one event of addition for each resource that there is, and no other."""
        added = collections.Counter(event["object_id"] for event in self.events("valence.resource.added"))
        self.assertEqual({row["uuid"]: 1 for row in self.client.rows("/v1/resources")}, dict(added))

    def assert_everything_was_published(self, seconds=30):
        """Check that each event of the history came over the bus, as it is there."""
        events = self.events()
        self.consumer.wait_for({event["uuid"] for event in events}, seconds)
        for event in events:
            event_type, payload = self.consumer.events[event["uuid"]]
            self.assertEqual((event["event_type"], event["sequence"]), (event_type, payload["sequence"]))
