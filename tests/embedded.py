# SPDX-License-Identifier: Apache-2.0
"""The parts of a conductor in the test's own process: an SQLite store, and pod managers that are simulated."""

import contextlib
import functools
import pathlib
import tempfile

import fixtures

from tests import message_bus
from tests import stores
from valence.common import secrets
from valence.conductor import client
from valence.conductor import service
from valence.conductor.cluster import leases
from valence.conductor.cluster import ownership
from valence.conductor.inventory import connections
from valence.db import models
from valence.db import options
from valence.db import store
from valence.db import types
from valence.db.sql import engine
from valence.simulator import server

SQLITE = "sqlite:///"
#: seconds that calls of an embedded conductor may take, so that a pause of the machine fails no test
CALL_SECONDS = 30.0
#: makes the engine of a store, as it is outside of tests
CREATE_ENGINE = engine.create


@contextlib.contextmanager
def _new_folder():
    """Give the configuration of a conductor whose state folder is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        conf = message_bus.configuration(message_bus.local_url())
        conf.set_override("state_dir", folder)
        options.register(conf)
        yield conf


@functools.cache
def empty_database():
    """Return the file of an SQLite database with the newest schema: all migrations take 0.2 s of CPU time."""
    with _new_folder() as conf:
        secrets.create(secrets.key_file(conf))
        with contextlib.closing(store.connect(conf, secrets.load(conf))) as database:
            database.schema.upgrade()
        return sqlite_file(conf).read_bytes()


@functools.cache
def compiled():
    """Return a dialect of SQLite, and the statements that SQLAlchemy has compiled for it in this process."""
    with _new_folder() as conf:
        first = CREATE_ENGINE(conf.database)
        first.connect().close()  # the dialect asks for the version of SQLite
        first.dispose()
        return first.dialect, {}


def create_engine(database):
    """Make the engine of a store; those of SQLite share what is compiled, which took 40 % of a conductor's start."""
    made = CREATE_ENGINE(database)
    if made.dialect.name == "sqlite":
        made.dialect, statements = compiled()
        made.update_execution_options(compiled_cache=statements)
    return made


def sqlite_file(conf):
    """Return the path of the database in the state folder."""
    return pathlib.Path(conf.database.connection.removeprefix(SQLITE))


def new_store(conf, cipher=None):
    """Return a store, to be closed, on the database of a configuration; make its tables if it is empty."""
    if not conf.database.connection.startswith(SQLITE):
        database = store.connect(conf, cipher or secrets.load(conf))
        database.schema.upgrade()
        return database
    if not sqlite_file(conf).exists():
        sqlite_file(conf).write_bytes(empty_database())
    return store.connect(conf, cipher or secrets.load(conf))


class Database(fixtures.Fixture):
    """An embedded database with its configuration: ``conf`` and ``store``."""

    def _setUp(self):
        self.conf = message_bus.configuration(message_bus.local_url())
        self.conf.set_override("state_dir", self.useFixture(fixtures.TempDir()).path)
        self.conf.set_override("host", "conductor-1")
        self.conf.set_override("interval", 3600, "sync")
        stores.choose(self.conf)
        self.useFixture(fixtures.MonkeyPatch(f"{engine.__name__}.create", create_engine))
        secrets.create(secrets.key_file(self.conf))
        self.store = new_store(self.conf)
        self.addCleanup(self.store.close)

    def connect(self):
        """Return a further store on the same database, as another conductor has."""
        database = store.connect(self.conf, secrets.load(self.conf))
        self.addCleanup(database.close)
        return database

    def events(self, *event_types):
        """Return the stored events in order, of some types, without ``valence.`` before each, or of all."""
        wanted = {f"valence.{name}" for name in event_types}
        every = self.store.list(models.Event, sort=[store.Sort("sequence")])
        return [event for event in every if not wanted or event.event_type in wanted]

    def keeper(self, holder="conductor-1", ttl=15):
        """Return a keeper of leases that renews nothing by itself."""
        return leases.LeaseKeeper(self.store, holder, ttl)

    def configuration(self, host):
        """Return the configuration of a further conductor on this database."""
        conf = message_bus.configuration(self.conf.transport_url)
        for name, group in (("state_dir", None), ("connection", "database"), ("interval", "sync")):
            store.options.register(conf)
            conf.set_override(name, (self.conf[group] if group else self.conf)[name], group)
        conf.set_override("host", host)
        return conf

    def ownership(self, holder="conductor-1", groups=("default",)):
        """Return the share of a conductor that has joined."""
        conf = self.configuration(holder)
        conf.set_override("groups", list(groups), "conductor")
        mine = ownership.Ownership(conf, self.connect())
        mine.start()
        self.addCleanup(mine.leave)
        return mine

    def connections(self):
        """Return connections to pod managers that are closed after the test."""
        mine = connections.Connections(self.conf)
        self.addCleanup(mine.close)
        return mine

    def register(self, simulator, **values):
        """Store a simulated pod as a pod manager that is due, and return it."""
        access = {"url": f"{simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        pod_manager = models.PodManager(**({"name": "pod", "next_sync_at": types.now()} | access | values))
        return self.store.commit(store.Create(pod_manager))[0]

    def resources(self, resource_type=None):
        """Return the stored resources, of one type or of all."""
        filters = [store.Filter("resource_type", "eq", resource_type)] if resource_type else []
        return self.store.list(models.ResourceWithState, filters=filters)


class Pod(fixtures.Fixture):
    """A simulated pod: ``simulator``."""

    def __init__(self, **values):
        super().__init__()
        self._values = {"racks": 1, "systems": 2} | values

    def _setUp(self):
        self.simulator = server.Simulator(**self._values).start()
        self.addCleanup(self.simulator.stop)


class Conductor(fixtures.Fixture):
    """A whole conductor on a bus in the process, and a client of it.

    ``options`` are ``group__name=value``; ``prepare`` gets the configuration, for options that a plug-in registers.
    """

    def __init__(self, prepare=lambda conf: None, **options):
        super().__init__()
        self._prepare, self._options = prepare, options

    def _setUp(self):
        self.database = self.useFixture(Database())
        self.conf = self.database.conf
        self.useFixture(fixtures.MonkeyPatch("valence.bus.rpc_client.MONITORED_ABOVE", CALL_SECONDS))
        for name, value in self._options.items():
            group, _, option = name.rpartition("__")
            self.conf.set_override(option, value, group or None)
        self._prepare(self.conf)
        self.bus = self.useFixture(message_bus.Bus(self.conf.transport_url))
        for conf in (self.conf, self.bus.conf):  # of conductors that call others, and of clients
            conf.set_override("call_timeout", CALL_SECONDS, "conductor")
        self.start()
        self.client = client.Conductor(self.bus.caller())

    def join(self, host, **options):
        """Start a further conductor on the same bus and database, and return it."""
        conf = self.database.configuration(host)
        for name, value in options.items():
            conf.set_override(name, value, "conductor")
        other = service.Conductor(conf, self.bus.transport())
        other.start()
        self.addCleanup(other.stop)
        return other

    def start(self):
        """Start the conductor (again)."""
        self.service = service.Conductor(self.conf, self.bus.transport())
        self.service.start()
        self.addCleanup(self.service.stop)
