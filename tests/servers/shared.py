# SPDX-License-Identifier: Apache-2.0
"""One server of each kind for all the tests of a run."""

import atexit
import os
import threading

from tests.servers import etcd
from tests.servers import mariadb
from tests.servers import postgresql
from tests.servers import rabbitmq
from tests.servers import swift

#: Variable that tells where the server runs -> kind of server.
KINDS = {
    "VALENCE_TEST_RABBITMQ": rabbitmq.RabbitMQ,
    "VALENCE_TEST_ETCD": etcd.Etcd,
    "VALENCE_TEST_ETCD3": etcd.Etcd3,
    "VALENCE_TEST_MARIADB": mariadb.MariaDB,
    "VALENCE_TEST_POSTGRESQL": postgresql.PostgreSQL,
    "VALENCE_TEST_SWIFT": swift.Swift,
}

_running = {}
_lock = threading.Lock()


def get(variable):
    """Return the server that ``variable`` names, or else one that this process starts once and stops at exit."""
    with _lock:
        if variable not in _running:
            _running[variable] = _attach(variable) or _start(variable)
        return _running[variable]


def _attach(variable):
    text = os.environ.get(variable)
    return KINDS[variable].attach(text) if text else None


def _start(variable):
    server = KINDS[variable]()
    server.setUp()
    atexit.register(server.cleanUp)
    return server
