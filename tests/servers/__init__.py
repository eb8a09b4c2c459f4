# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests: RabbitMQ, MariaDB and PostgreSQL, on loopback, in temporary folders.

``rabbitmq()``, ``mariadb()`` and ``postgresql()`` return the server that all tests share: ask it for a
virtual host or a database of your own. A test that kills a server brings one: ``self.useFixture(RabbitMQ())``.
"""

from tests.servers import shared
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.rabbitmq import RabbitMQ

__all__ = ["MariaDB", "PostgreSQL", "RabbitMQ", "mariadb", "postgresql", "rabbitmq"]


def rabbitmq():
    """Return the broker that all tests share."""
    return shared.get("VALENCE_TEST_RABBITMQ")


def mariadb():
    """Return the MariaDB server that all tests share."""
    return shared.get("VALENCE_TEST_MARIADB")


def postgresql():
    """Return the PostgreSQL server that all tests share."""
    return shared.get("VALENCE_TEST_POSTGRESQL")
