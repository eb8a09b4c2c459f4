# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests: RabbitMQ, MariaDB, PostgreSQL and etcd, on loopback, in temporary folders.

``rabbitmq()``, ``mariadb()``, ``postgresql()``, ``etcd()`` and ``etcd3()`` return the server that tests share:
ask it for a virtual host or a database of your own. A test that kills a server brings
one: ``self.useFixture(RabbitMQ())``.
"""

from tests.servers import shared
from tests.servers.etcd import Etcd
from tests.servers.etcd import Etcd3
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.swift import Swift

__all__ = [
    "Etcd",
    "Etcd3",
    "MariaDB",
    "PostgreSQL",
    "RabbitMQ",
    "Swift",
    "etcd",
    "etcd3",
    "mariadb",
    "postgresql",
    "rabbitmq",
]


def etcd():
    """Return the etcd server that all tests of its v2 API share."""
    return shared.get("VALENCE_TEST_ETCD")


def etcd3():
    """Return the etcd server that all tests of its v3 API share."""
    return shared.get("VALENCE_TEST_ETCD3")


def rabbitmq():
    """Return the broker that all tests share."""
    return shared.get("VALENCE_TEST_RABBITMQ")


def mariadb():
    """Return the MariaDB server that all tests share."""
    return shared.get("VALENCE_TEST_MARIADB")


def postgresql():
    """Return the PostgreSQL server that all tests share."""
    return shared.get("VALENCE_TEST_POSTGRESQL")


def swift():
    """Return the Swift that all tests share."""
    return shared.get("VALENCE_TEST_SWIFT")
