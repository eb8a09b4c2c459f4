# SPDX-License-Identifier: Apache-2.0
"""The databases that the contract suite runs on: one for each driver and server."""

import atexit
import functools
import json
import shutil
import tempfile

from oslo_config import cfg

from tests import servers
from tests.contract import examples
from valence.common import secrets
from valence.common.configuration import config
from valence.db import models
from valence.db import store
from valence.db.etcd import keyspace
from valence.db.sql import driver


def configuration(url, folder):
    """Return a configuration that names the database ``url`` and has a key file in ``folder``."""
    conf = cfg.ConfigOpts()
    config.register(conf)
    conf([])
    conf.set_override("state_dir", folder)
    if not secrets.key_file(conf).exists():
        secrets.create(secrets.key_file(conf))
    store.options.register(conf)
    conf.set_override("connection", url, group="database")
    return conf


def temporary_folder():
    """Return a new folder that goes away with the process."""
    folder = tempfile.mkdtemp(prefix="valence-contract-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Database:
    """One database with the tables of Valence and of the example models."""

    def __init__(self, url, folder=None):
        self.url, self.folder = url, folder or temporary_folder()
        self.conf = configuration(url, self.folder)

    def connect(self, cipher=None):
        """Return a new store, as another process has."""
        return store.connect(self.conf, cipher or secrets.load(self.conf))

    def prepare(self):
        """Make the tables."""
        raise NotImplementedError

    def clear(self):
        """Remove every row of the example models."""
        raise NotImplementedError

    def restart_sequences(self):
        """Let the sequence of the example models begin with 1 again."""
        raise NotImplementedError

    def stored_text(self, model, key, field):
        """Return what the database holds for a field, as it is there."""
        raise NotImplementedError


@functools.cache
def driver_of(*invented):
    """Return the class of stores of Valence's models and of invented ones, which have tables, too."""
    return type("SQLStore", (driver.SQLAlchemyStore,), {"stored": (*models.STORED, *invented)})


class SQLDatabase(Database):
    """A database of the SQL driver."""

    #: what a client says that ends a commit, and what it says in a commit before that
    commit_word, earlier_word = b"COMMIT", b"UPDATE"
    #: where the seconds are that a call waits for a server that says nothing
    silence = "valence.db.sql.engine.STATEMENT_SECONDS"

    def connect(self, cipher=None):
        return driver_of(*examples.MODELS)(self.conf, cipher or secrets.load(self.conf))

    @functools.cached_property
    def inspected(self):
        """Return the store that looks into the tables."""
        return self.connect()

    def prepare(self):
        self.inspected.schema.upgrade()
        self.inspected.tables.metadata.create_all(self.inspected.connections.engine)

    def clear(self):
        for model in reversed(examples.MODELS):
            self._empty(self.inspected.tables[model])

    def restart_sequences(self):
        # That of events goes on: tests of the same process have stored events, which stay.
        table = self.inspected.tables.sequences
        self._run(table.delete().where(table.c.name == examples.Entry.path))

    def _empty(self, table):
        self._run(table.delete())

    def _run(self, statement):
        self.inspected.connections.run(lambda connection: connection.execute(statement))

    def stored_text(self, model, key, field):
        table = self.inspected.tables[model]
        found = self.inspected.connections.read(table.select().where(table.c[model.key] == key))
        return getattr(found[0], field)


class EtcdDatabase(Database):
    """A database of the drivers of etcd."""

    silence = "valence.db.etcd.endpoints.ANSWER_SECONDS"

    def connect(self, cipher=None):
        database = super().connect(cipher)
        database.models += examples.MODELS
        return database

    @functools.cached_property
    def inspected(self):
        """Return the store that looks into the keys."""
        return self.connect()

    def prepare(self):
        self.inspected.schema.upgrade()

    def clear(self):
        for model in reversed(examples.MODELS):
            while rows := self.inspected.list(model, limit=2000):
                self.inspected.commit(*map(store.Delete, rows))

    def restart_sequences(self):
        self.inspected.commits.run(self._without_sequences)

    def _without_sequences(self, snapshot):
        batch = keyspace.Batch()
        batch.texts[self.inspected.paths.sequence(examples.Entry)] = None
        return batch, None

    def journals(self):
        """Return the keys of journals that are there."""
        database = self.inspected
        left = [f"the head has {database.keyspace.snapshot().head.journal}"]
        return [*database.keyspace.journals(), *(left if database.keyspace.snapshot().head.journal else ())]

    def stored_text(self, model, key, field):
        place = self.inspected.paths.object(model, key)
        text = self.inspected.read(lambda snapshot: snapshot.read([place]))[place]
        return json.loads(text)[field]


class Etcd2Database(EtcdDatabase):
    """A database of the driver of etcd's v2 API."""

    commit_word, earlier_word = b"recent", b"GET /v2/keys"


class Etcd3Database(EtcdDatabase):
    """A database of the driver of etcd's v3 API."""

    commit_word, earlier_word = b'"compare"', b'"request_range"'


class SQLiteServer:
    """What stands for a server of SQLite: a folder."""

    def new_database(self):
        """Return the URL of a new file."""
        return f"sqlite:///{temporary_folder()}/valence.db"


#: name -> (kind of database, its server shared by all tests, a fixture that is a server of one's own or None)
DATABASES = {
    "sqlite": (SQLDatabase, SQLiteServer, None),
    "etcd": (Etcd2Database, servers.etcd, servers.Etcd),
    "etcd3": (Etcd3Database, servers.etcd3, servers.Etcd3),
    "mariadb": (SQLDatabase, servers.mariadb, servers.MariaDB),
    "postgresql": (SQLDatabase, servers.postgresql, servers.PostgreSQL),
}
SCENARIOS = [(name, {"driver": name}) for name in DATABASES]
WITH_SERVER = [(name, {"driver": name}) for name, (_, _, own) in DATABASES.items() if own]
ETCD = [(name, {"driver": name}) for name in ("etcd", "etcd3")]
SQL = [(name, {"driver": name}) for name, (kind, _, _) in DATABASES.items() if kind is SQLDatabase]


@functools.cache
def shared(name):
    """Return the database that the tests of this process share; each of them clears it first."""
    kind, server, _ = DATABASES[name]
    database = kind(server().new_database())
    database.prepare()
    return database


def of_own(name, server=None, by_way_of=str):
    """Return a new empty database, on ``server`` or on the shared one; ``by_way_of`` may change its URL."""
    kind, shared_server, _ = DATABASES[name]
    return kind(by_way_of((server or shared_server()).new_database()))
