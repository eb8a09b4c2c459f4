# SPDX-License-Identifier: Apache-2.0
"""How many files of valence/ run to serve one request: the hops that a reader follows from the socket to the store.

API and conductor run in this process, on a real RabbitMQ and MariaDB. Each action is repeated; a file counts if it
runs every time, so that files of periodic loops do not count. The simulated pod runs in a process of its own.
"""

import pathlib
import sys
import threading
import time

import fixtures

import valence
from tests import bus_listener
from tests import deployment
from tests import latency
from tests import message_bus
from tests import ramdisk
from tests import rest
from tests import servers
from tests.bench import introspection
from tests.bench import table
from valence.api.http import api_server
from valence.api.http import app
from valence.bus import rpc_client
from valence.common import secrets
from valence.conductor import client
from valence.conductor import service
from valence.conductor.events import outbox
from valence.db import options
from valence.db import store

ROUNDS = 12
#: seconds between two looks whether all events are published
PAUSE = 0.05
SECONDS = 60
PACKAGE = f"{pathlib.Path(valence.__file__).parent}/"
#: action -> most files
MARKS = {"GET list": 20, "POST": 30, "hardware event": 40, "introspection document": 50}


class Tracer:
    """Records the files of valence/ in which functions run, in threads that start while it is installed."""

    def __init__(self):
        self._seen, self._is_on = set(), False

    def install(self):
        """Trace this thread and every new one until ``remove``."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def remove(self):
        """Trace new threads no longer; those that run go on unrecorded."""
        threading.setprofile(None)
        sys.setprofile(None)

    def files(self, action, settle):
        """Return the files, relative to valence/, that run each time that ``action(number)`` is called.

        ``settle()`` waits, unrecorded, for what earlier actions left to be done.
        """
        common = None
        for number in range(ROUNDS):
            settle()
            self._seen = set()
            self._is_on = True
            action(number)
            self._is_on = False
            common = self._seen if common is None else common & self._seen
        return sorted(name.removeprefix(PACKAGE) for name in common)

    def _note(self, frame, event, _argument):
        if self._is_on and event == "call":
            name = frame.f_code.co_filename
            if name.startswith(PACKAGE):
                self._seen.add(name)


class Site(fixtures.Fixture):
    """API and conductor in this process, with one synchronized pod manager of introspectable machines."""

    profiled: dict = {}

    def _setUp(self):
        self.tracer = Tracer()
        broker = servers.rabbitmq()
        self.bus = message_bus.configuration(broker.url(broker.add_vhost()))
        self._configure(self.bus)
        self.tracer.install()
        self.addCleanup(self.tracer.remove)
        self._start(self.bus)
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.pod = self.useFixture(deployment.Simulator(folder, systems=introspection.MACHINES, racks=1))
        self.listener = self.useFixture(bus_listener.BusListener(self.bus.transport_url))
        self.valence = self  # as other sites have it

    def _configure(self, conf):
        options.register(conf)
        values = {
            (None, "state_dir"): self.useFixture(fixtures.TempDir()).path,
            (None, "host"): "conductor-1",
            (None, "auth_strategy"): "noauth",
            ("sync", "interval"): 3600,
            ("database", "connection"): servers.mariadb().new_database(),
            ("api", "port"): 0,
            ("processing", "documents_per_minute"): 10_000,
            ("conductor", "drain_seconds"): 30,
        }
        for (group, name), value in values.items():
            conf.set_override(name, value, group)
        secrets.create(secrets.key_file(conf))
        self._store = store.connect(conf, secrets.load(conf))
        self.addCleanup(self._store.close)
        self._store.schema.upgrade()

    def _start(self, conf):
        self._run(service.Conductor(conf))
        caller = rpc_client.Caller(conf, message_bus.messaging.get_transport(conf))
        self._run(caller)
        web = api_server.Server(conf, app.create_app(conf, client.Conductor(caller)))
        self._run(web)
        self.client = rest.Client(web.url)
        self.port = int(web.url.rpartition(":")[2])
        caller.liveness.wait(SECONDS)

    def settle(self):
        """Wait until the relay has published every event."""
        while outbox.unpublished(self._store):
            time.sleep(PAUSE)

    def _run(self, part):
        part.start()
        self.addCleanup(part.stop)


def rows(site):
    """Yield the rows of the table, and print the files of each."""
    machines = introspection.Machines(site, site.pod)
    yield row(site, "GET list", lambda _: site.client.get("/v1/systems?limit=100"))
    yield row(site, "POST", lambda number: site.client.post("/v1/pod_managers", pod_manager(number)))
    yield row(site, "hardware event", Changes(site).change)
    machines.start()
    documents = [ramdisk.document("small", mac) for mac in machines.macs.values()]
    post = "/introspection/v1/continue"
    yield row(site, "introspection document", lambda number: site.client.post(post, documents[number]))


def row(site, what, action):
    files = site.tracer.files(action, site.settle)
    print(f"\n{what}, {len(files)} files:\n  " + "\n  ".join(files), flush=True)
    return table.Row(f"files that run: {what}", len(files), "files", target=MARKS[what])


def pod_manager(number):
    return {
        "name": f"path-{number}",
        "url": f"http://127.0.0.2:{10000 + number}/redfish/v1",
        "maintenance": True,
    }


class Changes:
    """Changes the power of systems, and waits until the bus has the event."""

    def __init__(self, site):
        systems = {
            each["resource_url"].rpartition("/")[2]: each["uuid"] for each in site.client.rows("/v1/systems")
        }
        self._stopwatch = latency.Stopwatch(site.pod, site.listener, systems)
        self._stopwatch.measure(3, limit=20)

    def change(self, _number):
        """Change one system."""
        self._stopwatch.measure(1, limit=20)
