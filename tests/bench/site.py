# SPDX-License-Identifier: Apache-2.0
"""A deployment to measure: RabbitMQ and MariaDB of its own, and its database filled through the store."""

import uuid

import fixtures
from oslo_config import cfg

from tests import deployment
from tests import servers
from tests.bench import meter
from valence.common import secrets
from valence.common.configuration import config
from valence.db import models
from valence.db import store

BATCH = 2000
TYPES = (
    "System",
    "Processor",
    "Processor",
    "Memory",
    "Memory",
    "Memory",
    "Memory",
    "Storage",
    "NVMe",
    "Drive",
)


class Site(fixtures.Fixture):
    """Valence on real servers, with a meter of what API, conductor, database and broker use."""

    def __init__(self, **options):
        super().__init__()
        self._options = {"sync": {"interval": 3600}} | options

    def _setUp(self):
        self.broker = self.useFixture(servers.RabbitMQ(wait=False))
        self.database = self.useFixture(servers.MariaDB(wait=False, syncs=True))
        self.broker.wait_until_ready()
        self.database.wait_until_ready()
        self.valence = self.useFixture(
            deployment.Deployment(
                transport_url=self.broker.url(),
                database_url=self.database.new_database(),
                options=self._options,
            )
        )
        self.client, self.port = self.valence.client, self.valence.port

    @property
    def profiled(self):
        """The processes whose time a profile shows, by name."""
        return {"api": self.valence.api.pid, "conductor": self.valence.conductor.pid}

    def meter(self, **pids):
        """Return a meter of the four processes and of others, by name."""
        return self.meter_of(**self.profiled, database=self.database.pid, **pids)

    def meter_of(self, **pids):
        """Return a meter of the broker and of others, by name."""
        return meter.Meter(broker=self.broker.pid, **pids)

    def store(self):
        """Return the store of the deployment."""
        conf = cfg.ConfigOpts()
        config.register(conf)
        conf(["--config-file", str(self.valence.configuration)], project="valence")
        return store.connect(conf, secrets.load(conf))

    def insert_pod_managers(self, number):
        """Store pod managers in maintenance, which nobody contacts, and return their uuids."""
        made = [
            models.PodManager(
                name=f"bench-{each}",
                url=f"https://192.0.2.1/{each}/redfish/v1",
                maintenance=True,
                username="admin",
                password="secret",
            )
            for each in range(number)
        ]
        self.insert(made)
        return [each.uuid for each in made]

    def insert_resources(self, podm_id, number):
        """Store resources of a pod manager with what was last seen of them; return their uuids in order."""
        uuids = sorted(str(uuid.uuid4()) for _ in range(number))
        for start in range(0, number, BATCH):
            part = [
                resource(podm_id, each, start + place)
                for place, each in enumerate(uuids[start : start + BATCH])
            ]
            self.insert([row for rows in part for row in rows])
        return uuids

    def insert(self, objects):
        """Store objects in one commit."""
        database = self.store()
        try:
            database.commit(*map(store.Create, objects))
        finally:
            database.close()


def resource(podm_id, key, number):
    """Return a resource and its state."""
    kind, url = TYPES[number % len(TYPES)], f"/redfish/v1/Systems/System{number // 10}/{number}"
    state = {"name": f"{kind} {number}", "health": "OK", "state": "Enabled", "power_state": "On"}
    return (
        models.Resource(uuid=key, podm_id=podm_id, resource_url=url, resource_type=kind),
        models.ResourceState(uuid=key, identity=str(uuid.uuid4()), parent="", etag=f'W/"{number}"', **state),
    )
