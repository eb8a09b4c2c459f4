# SPDX-License-Identifier: Apache-2.0
"""Valence as an operator runs it: its commands as processes of their own, on a real broker and database."""

import configparser
import contextlib
import functools
import pathlib
import tempfile

import fixtures
import sqlalchemy

from tests import process
from tests import rest
from tests import servers
from tests import stores
from tests.contract import databases
from tests.servers import ports
from valence.common import secrets
from valence.db import store

READY_SECONDS = 40
#: options that make tests quick, and a time-out of calls that is long enough for a slow machine
OPTIONS = {
    "DEFAULT": {"auth_strategy": "noauth"},
    "sync": {"interval": 1},
    "conductor": {"lease_seconds": 3, "call_timeout": 5},
    "redfish": {"connect_timeout": 2, "read_timeout": 5},
}


class Deployment(fixtures.Fixture):
    """An API (``api``) and some ``conductors``; ``client`` talks to the API.

    Without ``transport_url`` and ``database_url`` it has a virtual host of the shared RabbitMQ and a database of
    the shared MariaDB, or of what VALENCE_TEST_STORE names, to itself. ``options`` is ``{group: {option: value}}``,
    on top of OPTIONS.
    """

    def __init__(self, *, transport_url=None, database_url=None, conductors=1, options=None):
        super().__init__()
        self.transport_url, self.database_url = transport_url, database_url
        self._options, self._number = options or {}, conductors

    def _setUp(self):
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.transport_url = self.transport_url or own_virtual_host()
        self.database_url = self.database_url or new_database()
        self.port = ports.free_port()
        self.configuration = self._write("valence", self._whole_configuration())
        self._prepare_database()
        self.conductors = [self._conductor(f"conductor-{number + 1}") for number in range(self._number)]
        self.api = self._process("valence-api", "valence-api", self.configuration)
        self.client = rest.Client(f"http://127.0.0.1:{self.port}")
        self.wait_until_ready()

    @property
    def conductor(self):
        """The first conductor."""
        return self.conductors[0]

    def wait_until_ready(self, seconds=READY_SECONDS):
        """Wait until the API says that everything it needs is there."""
        self.api.wait_until(lambda: self.client.status("/readyz") == 200, seconds)

    def register(self, name, url, **values):
        """Register a pod manager and return it."""
        return self.client.post("/v1/pod_managers", {"name": name, "url": url} | values)

    def _prepare_database(self):
        """Make the keys and the tables as ``valence-manage`` does, without starting two processes for that."""
        upgrade(self.database_url, self.folder)

    def _conductor(self, name):
        own = self._write(name, {"DEFAULT": {"host": name}})
        return self._process("valence-conductor", name, self.configuration, own)

    def _process(self, program, name, *files):
        arguments = [argument for file in files for argument in ("--config-file", file)]
        return self.useFixture(process.Process(program, *arguments, folder=self.folder, name=name))

    def _whole_configuration(self):
        own = {
            "DEFAULT": {"host": "api", "state_dir": self.folder, "transport_url": self.transport_url},
            "api": {"port": self.port},
            "database": {"connection": self.database_url},
            "secrets": {"key_file": self.folder / "secrets.keys"},
        }
        return merge(merge(OPTIONS, own), self._options)

    def _write(self, name, options):
        file = self.folder / f"{name}.conf"
        # DEFAULT is a section like any other to oslo.config.
        writer = configparser.RawConfigParser(default_section=None)
        writer.read_dict(options)
        with open(file, "w") as stream:
            writer.write(stream)
        return file


class AllInOne(process.Process):
    """``valence-all-in-one`` on a free port; ``client`` talks to it. Started again, it may have another port."""

    def __init__(self, folder, *arguments):
        command = ("--port", 0, "--state-dir", folder, *arguments)
        super().__init__("valence-all-in-one", *command, folder=folder)

    def start(self):
        """Start the process and wait until it can serve."""
        past = len(self.log())
        super().start()
        self.client = rest.Client(self.wait_until(lambda: printed_url(served(self.log()[past:]))))
        self.wait_until(lambda: self.client.status("/readyz") == 200, READY_SECONDS)


class Simulator(process.Process):
    """``valence-simulator`` with the given options, such as ``systems=2000``; it keeps its port when it is restarted.

    ``root`` is the URL of its service root; ``control`` talks to ``/simulator/…``, see valence.simulator.control.
    """

    def __init__(self, folder, name="simulator", **options):
        options = {"port": ports.free_port(), "power_seconds": 0.2} | options
        super().__init__("valence-simulator", *map(_argument, options.items()), folder=folder, name=name)

    def start(self):
        """Start the process and wait until it serves."""
        past = len(self.log())
        super().start()
        self.root = self.wait_until(lambda: printed_url(self.log()[past:]))
        self.control = rest.Client(self.root.removesuffix("/redfish/v1"))


def upgrade(url, folder):
    """Make the tables of a database, or bring them to the newest version; the keys are in ``folder``."""
    conf = databases.configuration(url, str(folder))
    with contextlib.closing(store.connect(conf, secrets.load(conf))) as database:
        database.schema.upgrade()


def new_database():
    """Return the URL of a new database; in MariaDB it has the tables that the migrations make."""
    url = stores.new_database("mariadb")
    if url and url.startswith("mysql"):
        with begun(url) as connection:
            for statement in migrated():
                connection.exec_driver_sql(statement)
    return url


@functools.cache
def migrated():
    """Return the statements that make, in MariaDB, what the migrations made once in this process.

    All migrations of a database take 2 s, 0.25 s of them CPU time of the test; these statements take 0.5 s and 0.03 s.
    """
    url = stores.new_database("mariadb")
    with tempfile.TemporaryDirectory() as folder:
        upgrade(url, folder)
    with begun(url) as connection:
        tables = connection.exec_driver_sql("SHOW TABLES").scalars().all()
        made = [connection.exec_driver_sql(f"SHOW CREATE TABLE {name}").one()[1] for name in tables]
        filled = {
            name for name in tables if connection.exec_driver_sql(f"SELECT 1 FROM {name} LIMIT 1").first()
        }
        if filled != {"alembic_version"}:
            raise NotImplementedError(f"rows of migrations are to be copied, too: {filled}")
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    return ["SET FOREIGN_KEY_CHECKS = 0", *made, f"INSERT INTO alembic_version VALUES ('{version}')"]


@contextlib.contextmanager
def begun(url):
    """Yield a connection to a database, in a transaction."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        yield connection


def own_virtual_host():
    """Return the transport URL of a new virtual host of the shared RabbitMQ."""
    broker = servers.rabbitmq()
    return broker.url(broker.add_vhost())


def merge(options, more):
    """Return ``options``, by group, with ``more`` on top."""
    return {group: options.get(group, {}) | more.get(group, {}) for group in options | more}


def served(text):
    """Return what a log says from the line on that names the URL which is served."""
    return text.partition("Valence serves")[2]


def printed_url(text):
    """Return the first URL of 127.0.0.1 in a whole line of ``text``, or None."""
    lines = text.splitlines(keepends=True)
    words = [word for line in lines if line.endswith("\n") for word in line.split()]
    return next(
        (word.rstrip("/.,") for word in words if word.startswith(("http://127.0.0.1", "https://127.0.0.1"))),
        None,
    )


def _argument(option):
    name, value = option
    name = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"
