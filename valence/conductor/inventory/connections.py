# SPDX-License-Identifier: Apache-2.0
"""The connections of this conductor to its pod managers: one for each kind of work, opened at first use.

Contact is refused here and nowhere else: to a pod manager in maintenance, and to one whose password cannot be
decrypted. Such a pod manager can still be read, with the password None, so that a client can change or remove it.
"""

import contextlib
import dataclasses
import threading
import time
import weakref
from concurrent import futures

from valence.common import errors
from valence.common import secrets
from valence.db import models
from valence.db import store
from valence.db.models.pod_manager import DELETED
from valence.podmanagers import base

#: fields whose change makes a new connection
ACCESS = ("url", "driver", "username", "password", "verify_ca", "tls")
#: fields that clients change and whose change ends a contact under way: what it found out counts no longer
CONTACT = (*ACCESS, "maintenance", "conductor_group")


def read(database: store.Store, uuid: str) -> models.PodManager:
    """Return a pod manager; its password is None where no key decrypts it. Raise NotFound."""
    try:
        return database.get(models.PodManager, uuid)
    except errors.SecretUnreadable:
        return database.get_without_secrets(models.PodManager, uuid).replace(password=None)


def read_all(database: store.Store, uuids: list[str]) -> dict[str, models.PodManager]:
    """Return the existing pod managers of ``uuids`` by UUID, each as ``read`` returns it."""
    if not uuids:
        return {}
    try:
        found = database.list(models.PodManager, filters=[store.Filter("uuid", "in", uuids)])
    except errors.SecretUnreadable:
        found = [each for each in (_read_or_none(database, uuid) for uuid in uuids) if each is not None]
    return {each.uuid: each for each in found}


def require_undeleted(pod_manager: models.PodManager) -> None:
    """Raise Conflict for a pod manager whose resources are being removed because a client deleted it."""
    if pod_manager.status == DELETED:
        raise errors.Conflict(reason=f"The pod manager {pod_manager.uuid} is being deleted.")


def of_contact(pod_manager: models.PodManager) -> tuple:
    """Return the values of the fields that a contact depends on."""
    return tuple(getattr(pod_manager, name) for name in CONTACT)


def _read_or_none(database, uuid):
    try:
        return read(database, uuid)
    except errors.NotFound:
        return None


#: kinds of work: each has a connection of its own, so that breaking one off leaves the others alone
SYNC, EVENTS, LIVE, INTROSPECTION, NODES = KINDS = ("sync", "events", "live", "introspection", "nodes")
#: seconds after which a connection that ``use`` made, and that nobody uses, is closed
IDLE_SECONDS = 60.0
#: connections that are closed at the same time when the conductor stops
CLOSERS = 32


@dataclasses.dataclass
class _Connection:
    """A driver instance, the access that it was made for, and who uses it; ``users`` is None where it is kept.

    One that is ``retired`` is closed when its last user is done.
    """

    access: tuple
    driver: base.PodManagerDriver
    users: int | None = None
    used_at: float = 0.0
    retired: bool = False

    def is_idle(self, since):
        return self.users == 0 and self.used_at < since


class Connections:
    """Driver instances by pod manager and kind of work, replaced when the access to the pod manager changes."""

    def __init__(self, conf):
        self._conf = conf
        self._open, self._lock = {}, threading.Lock()
        #: driver -> kind of work, also of those that were dropped and in which somebody still waits
        self._made = weakref.WeakKeyDictionary()
        #: those that ``use`` made and that nobody uses now
        self._idle = weakref.WeakSet()
        self._broken_off = set()

    def get(self, pod_manager, kind):
        """Return the connection for a kind of work, kept until it is dropped.

        Raise InMaintenance, SecretUnreadable.
        """
        return self._get(pod_manager, kind).driver

    @contextlib.contextmanager
    def use(self, pod_manager, kind):
        """Give the connection for a kind of work; it is closed some time after its last use. Raise as ``get``."""
        connection = self._get(pod_manager, kind, users=1)
        try:
            yield connection.driver
        finally:
            with self._lock:
                connection.users -= 1
                if not connection.users:
                    self._idle.add(connection.driver)
                connection.used_at = time.monotonic()
                is_over = connection.retired and not connection.users
            if is_over:
                connection.driver.close()

    def new(self, pod_manager):
        """Return a connection that the caller closes; raise as ``get``."""
        self._require_allowed(pod_manager)
        with self._lock:
            return self._make(pod_manager, LIVE)

    def current(self, uuid, kind):
        """Return the open connection to a pod manager, or None."""
        connection = self._open.get((uuid, kind))
        return connection and connection.driver

    def known(self):
        """Return the UUIDs of the pod managers to which there is a connection."""
        with self._lock:
            return {uuid for uuid, _ in self._open}

    def drop(self, uuid):
        """Close the connections to a pod manager that is gone, in maintenance, or served by another conductor.

        Requests of those who ``use`` one end first: they would fail as if the pod manager were away.
        """
        for connection in self._take(uuid, KINDS):
            self._retire(connection)

    def abort(self, uuid, kind):
        """Interrupt one kind of work that waits for a pod manager; the next use makes a new connection."""
        for connection in self._take(uuid, (kind,)):
            connection.driver.abort()
            connection.driver.close()

    def close_idle(self):
        """Close the connections that ``use`` made and that were not used for IDLE_SECONDS."""
        since = time.monotonic() - IDLE_SECONDS
        with self._lock:
            idle = [key for key, connection in self._open.items() if connection.is_idle(since)]
            closing = [self._open.pop(key) for key in idle]
        for connection in closing:
            connection.driver.close()

    def break_off(self, kinds):
        """Interrupt some kinds of work on all pod managers, and refuse new connections for them.

        Connections that ``use`` made and that are idle stay open for ``close``, which signs out.
        """
        with self._lock:
            self._broken_off |= set(kinds)
            made = [driver for driver, kind in self._made.items() if kind in kinds]
            waiting = [driver for driver in made if driver not in self._idle]
        for driver in waiting:
            driver.abort()

    def close(self):
        """Close every connection, many at a time: signing out takes seconds where a pod manager hangs."""
        with self._lock:
            drivers = [connection.driver for connection in self._open.values()]
            self._open.clear()
        with futures.ThreadPoolExecutor(CLOSERS, "close") as pool:
            for driver in drivers:
                pool.submit(driver.close)

    def _get(self, pod_manager, kind, users=None):
        self._require_allowed(pod_manager)
        wanted = tuple(getattr(pod_manager, name) for name in ACCESS)
        key, replaced = (pod_manager.uuid, kind), None
        with self._lock:
            connection = self._open.get(key)
            if connection is None or connection.access != wanted:
                replaced = connection
                connection = _Connection(wanted, self._make(pod_manager, kind), users and 0)
                self._open[key] = connection
            if users:
                connection.users = (connection.users or 0) + users
                self._idle.discard(connection.driver)
        if replaced is not None:
            self._retire(replaced)
        return connection

    def _retire(self, connection):
        """Close a connection that is not open any more, now or when its last user is done."""
        with self._lock:
            connection.retired = True
            is_used = bool(connection.users)
        if not is_used:
            connection.driver.close()

    def _take(self, uuid, kinds):
        with self._lock:
            taken = [self._open.pop((uuid, kind), None) for kind in kinds]
        return [connection for connection in taken if connection is not None]

    def _make(self, pod_manager, kind):
        if kind in self._broken_off:
            raise errors.PodManagerUnreachable(url=pod_manager.url, reason="its conductor stops")
        driver = base.load(self._conf, pod_manager)
        self._made[driver] = kind
        return driver

    def _require_allowed(self, pod_manager):
        if pod_manager.maintenance:
            raise errors.InMaintenance(key=pod_manager.uuid)
        if pod_manager.password is None:
            raise errors.SecretUnreadable(file=str(secrets.key_file(self._conf)))
