# SPDX-License-Identifier: Apache-2.0
"""An API on top of the conductor's own endpoints and an embedded database, in one process and without a bus."""

import json
import time

import fixtures
from oslo_config import cfg
from werkzeug import test

from tests import base
from tests import embedded
from tests import stores
from valence.api.http import app
from valence.bus import messaging
from valence.common import secrets
from valence.common.configuration import config
from valence.conductor import client
from valence.conductor.cluster import leases
from valence.conductor.cluster import ownership
from valence.conductor.cluster import site
from valence.conductor.endpoints import backup
from valence.conductor.endpoints import devices
from valence.conductor.endpoints import flavors
from valence.conductor.endpoints import nodes
from valence.conductor.endpoints import operations
from valence.conductor.endpoints import pod_managers
from valence.conductor.endpoints import records
from valence.conductor.endpoints import resources
from valence.conductor.endpoints import status
from valence.conductor.introspection import service
from valence.conductor.inventory import connections
from valence.conductor.nodes.ironic import access
from valence.conductor.work import deletions
from valence.db import models
from valence.db import store

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
PODM = {"name": "row-7", "url": "https://10.0.0.7/redfish/v1"}


def configuration(folder, **options):
    """Return a configuration of its own; ``options`` are ``group__name=value``, without a group of DEFAULT."""
    conf = cfg.ConfigOpts()
    config.register(conf)
    conf([], project="valence", default_config_files=[])
    values = {"state_dir": str(folder), "auth_strategy": "noauth", "host": "test"}
    # A process of its own would not know what tests override.
    values |= {"processing__own_process": False} | options
    for name, value in values.items():
        group, _, option = name.rpartition("__")
        conf.set_override(option or name, value, group=group or None)
    return conf


class Health:
    """Says of the store what a test wants."""

    problem = None


class Heard:
    """Says that a conductor was heard a moment ago."""

    state = {"alive": True, "since": "2026-11-21T03:37:02Z", "reason": None, "conductor": None}


class InProcessCaller:
    """What ``valence.bus.rpc_client.Caller`` does, without a bus: values still travel as JSON."""

    def __init__(self, endpoints):
        self.liveness = Heard()
        self._endpoints = {endpoint.namespace: endpoint for endpoint in endpoints}
        self.failure = None
        self.calls = []

    def call(
        self,
        ctxt,
        namespace,
        method,
        timeout,
        *,
        server=None,
        topic=None,
        share_of=None,
        repeatable=False,
        **kwargs,
    ):
        """Call a method of an endpoint; raise ``failure`` if there is one."""
        self.calls.append((namespace, method))
        if self.failure:
            raise self.failure
        answer = getattr(self._endpoints[namespace], method)(ctxt, **json.loads(json.dumps(kwargs)))
        return json.loads(json.dumps(answer))


class Backend(fixtures.Fixture):
    """The conductor's endpoints over SQLite; ``conductor`` is the client of them, ``store`` what they store in."""

    def __init__(self, conf):
        super().__init__()
        self._conf = conf
        #: seconds by which the clock of the backup service is ahead
        self.ahead = 0

    def _setUp(self):
        stores.choose(self._conf)
        secrets.create(secrets.key_file(self._conf))
        self.store = embedded.new_store(self._conf)
        self.addCleanup(self.store.close)
        self.health = Health()
        self.caller = InProcessCaller(self._endpoints())
        self.conductor = client.Conductor(self.caller)

    def _endpoints(self):
        live = connections.Connections(self._conf)
        keeper = leases.LeaseKeeper(self.store, "test", 15)
        mine = ownership.Ownership(self._conf, self.store)
        mine.start()
        self.addCleanup(mine.leave)
        transport = messaging.get_transport(self._conf, "local:///nobody-else")
        others = ownership.Peers(self._conf, transport, messaging.Gate())
        read = resources.ResourcesEndpoint(
            self._conf, self.store, resources.Documents(self._conf, self.store, live, mine), mine, others
        )
        self.addCleanup(read.stop)
        self.introspecting = service.Introspecting(self._conf, self.store, keeper, live, mine)
        self.addCleanup(self.introspecting.stop)
        deletion = deletions.Deletions(self.store, keeper, "test")
        self.addCleanup(deletion.stop)
        return [
            records.RecordsEndpoint(self.store),
            pod_managers.PodManagersEndpoint(self.store, deletion, live, mine, lambda: None),
            read,
            nodes.NodesEndpoint(self.store, lambda _podm_id: None, access.Ironic(self._conf)),
            devices.DevicesEndpoint(self.store),
            flavors.FlavorsEndpoint(self.store),
            flavors.QuotasEndpoint(self.store),
            operations.OperationsEndpoint(self.store, keeper, lambda: None, lambda: None),
            backup.BackupEndpoint(self.store, lambda: time.time() + self.ahead),
            *self.introspecting.endpoints,
            status.StatusEndpoint("conductor-1", self.health, site.Site(self._conf, self.store)),
        ]


class APITestCase(base.TestCase):
    """A test that talks to ``application`` with ``self.get(url)`` and its like."""

    #: options of the configuration, as of ``configuration``
    options: dict = {}

    def setUp(self):
        super().setUp()
        self.conf = configuration(self.make_folder(), **self.options)
        self.backend = self.useFixture(Backend(self.conf))
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = test.Client(self.application)

    def request(self, method, url, **keywords):
        """Return the response to a request; keywords are those of ``werkzeug.test.EnvironBuilder``."""
        keywords = {"environ_base": {"REMOTE_ADDR": "127.0.0.1"}} | keywords
        return self.client.open(url, method=method, **keywords)

    def get(self, url, **headers):
        """Return the response to a GET; a header ``If_Match`` becomes ``If-Match``."""
        return self.request("GET", url, headers=dashed(headers))

    def post(self, url, document=None, **headers):
        """Return the response to a POST of a document, or of nothing."""
        return self.send("POST", url, document, **headers)

    def patch(self, url, document, **headers):
        """Return the response to a PATCH."""
        return self.send("PATCH", url, document, **headers)

    def send(self, method, url, document=None, **headers):
        """Return the response to a request with a document as its body."""
        body = {} if document is None else {"json": document}
        return self.request(method, url, headers=dashed(headers), **body)

    def add_pod_manager(self, **values):
        """Register a pod manager over the API and return it."""
        response = self.post("/v1/pod_managers", PODM | values)
        self.assertEqual(201, response.status_code, response.text)
        return response.json

    def add_resources(self, pod_manager, *types_, **state):
        """Store resources of the given types as a synchronization would, and return their UUIDs."""
        rows = [
            models.Resource(
                podm_id=pod_manager["uuid"], resource_url=f"/redfish/v1/{number}", resource_type=kind
            )
            for number, kind in enumerate(types_)
        ]
        states = [models.ResourceState(uuid=row.uuid, name=row.resource_url, **state) for row in rows]
        self.backend.store.commit(
            *(store.Create(each) for pair in zip(rows, states, strict=True) for each in pair)
        )
        return [row.uuid for row in rows]

    def assert_error(self, response, status, *codes):
        """Check that a response is an error in the format, with a status and codes; return its errors."""
        self.assertEqual(status, response.status_code, response.text)
        self.assertEqual("application/json", response.headers["Content-Type"])
        found = response.json["errors"]
        for each in found:
            self.assertEqual(status, each["status"])
            self.assertEqual(response.headers["X-OpenStack-Request-ID"], each["request_id"])
            self.assertTrue(all(each[name] for name in ("code", "title", "detail", "hint", "links")), each)
        if codes:
            self.assertEqual(list(codes), [each["code"] for each in found])
        return found


def dashed(headers):
    """Return headers with the dashes that Python's names cannot have."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
