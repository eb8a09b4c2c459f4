# SPDX-License-Identifier: Apache-2.0
"""The kind of store that tests of the whole run on: what VALENCE_TEST_STORE names, else what each test prefers."""

import os

from tests import rest
from tests import servers
from valence.db import options

VARIABLE = "VALENCE_TEST_STORE"
SERVERS = {
    "etcd": servers.etcd,
    "etcd3": servers.etcd3,
    "mariadb": servers.mariadb,
    "postgresql": servers.postgresql,
}


def new_database(default="sqlite"):
    """Return the URL of an empty database, None for SQLite in the state folder."""
    name = os.environ.get(VARIABLE) or default
    return None if name == "sqlite" else SERVERS[name]().new_database()


def patience(seconds):
    """Return how long to wait for what takes ``seconds`` elsewhere: etcd's v2 API writes one key a request."""
    return 5 * seconds if _is_slow() else seconds


def page():
    """Return how many rows a client asks for at a time, as the documentation recommends."""
    return 100 if _is_slow() else rest.PAGE


def _is_slow():
    return os.environ.get(VARIABLE) == "etcd"


def choose(conf):
    """Give a configuration a database of the kind that is asked for; without a wish it is SQLite."""
    options.register(conf)
    if url := new_database():
        conf.set_override("connection", url, "database")


class Counting:
    """A store that counts its queries."""

    def __init__(self, real):
        self._real, self.queries = real, 0

    def __getattr__(self, name):
        def query(*arguments, **keywords):
            self.queries += 1
            return getattr(self._real, name)(*arguments, **keywords)

        return query
