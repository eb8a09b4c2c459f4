# SPDX-License-Identifier: Apache-2.0
"""The connections of this conductor to its pod managers, one each, made when first needed."""

import threading

from valence.podmanagers import base

#: fields whose change makes a new connection
ACCESS = ("url", "driver", "username", "password", "verify_ca")


class Connections:
    """Driver instances by pod manager; an instance is replaced when the access to its pod manager changes."""

    def __init__(self, conf):
        self._conf = conf
        self._drivers, self._lock = {}, threading.Lock()

    def get(self, pod_manager):
        """Return the connection to a pod manager as it is to be reached now."""
        access = tuple(getattr(pod_manager, name) for name in ACCESS)
        with self._lock:
            known, driver = self._drivers.get(pod_manager.uuid, (None, None))
            if known == access:
                return driver
            new = self.new(pod_manager)
            self._drivers[pod_manager.uuid] = access, new
        if driver is not None:
            driver.close()
        return new

    def new(self, pod_manager):
        """Return a connection that whoever asks for it closes."""
        return base.load(self._conf, pod_manager)

    def current(self, uuid):
        """Return the connection to a pod manager that there is, or None."""
        _, driver = self._drivers.get(uuid, (None, None))
        return driver

    def drop(self, uuid):
        """Close the connection to a pod manager that is gone, or served by another conductor, if there is one."""
        with self._lock:
            _, driver = self._drivers.pop(uuid, (None, None))
        if driver is not None:
            driver.close()

    def abort(self, uuid):
        """Break off what waits for a pod manager, and close the connection to it; the next use makes a new one."""
        with self._lock:
            _, driver = self._drivers.pop(uuid, (None, None))
        if driver is not None:
            driver.abort()
            driver.close()

    def close(self):
        """Close every connection."""
        for uuid in list(self._drivers):
            self.drop(uuid)
