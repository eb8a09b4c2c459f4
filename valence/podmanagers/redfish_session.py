# SPDX-License-Identifier: Apache-2.0
"""Signing in to a Redfish service with sushy: by a session, by HTTP Basic where there are none."""

import threading
import time

from sushy import exceptions as sushy_exceptions

from valence.common import errors
from valence.podmanagers import redfish_document
from valence.podmanagers import redfish_failures
from valence.podmanagers import redfish_sushy

#: seconds after refused credentials in which they are not tried again: live reads must not lock an account out
REFUSED_PAUSE = 60
#: seconds to wait for the end of a session to be confirmed
SIGN_OUT_TIMEOUT = 2
#: links of the root to documents that nobody reads without signing in
_PROTECTED = ("Systems", "Chassis", "Managers", "Fabrics", "Nodes")


class Session:
    """Who Valence is to one Redfish service; signs in when it is first needed, and again when a session ends."""

    def __init__(self, options, paths, pod_manager, http):
        self.http = http
        self._options = options
        self._paths = paths
        self._pod_manager = pod_manager
        self._lock = threading.Lock()
        self._connector = None
        self._authentication = None
        self._root = None
        self._refused_until = 0.0
        self._refusal = None

    @property
    def refused(self):
        """Whether the credentials were refused lately."""
        return time.monotonic() < self._refused_until

    @property
    def is_open(self):
        """Whether it is signed in."""
        return self._connector is not None

    @property
    def credentials(self):
        """Headers that prove who asks."""
        return self._connector.credentials

    def open(self):
        """Sign in unless that is done; return the root document if it was read for that, else None."""
        self._rest()
        if self._connector is not None:
            return None
        with self._lock:
            self._rest()
            return self._signed_in(self._open) if self._connector is None else None

    def renew(self, stale):
        """Sign in again if ``stale`` credentials are accepted nowhere; return whether there are others now."""
        with self._lock:
            if self.credentials is not stale:
                return True
            if not stale or self._accepted(self._connector, self._root):
                return False
            if self._connector.basic:
                raise self._refused("HTTP Basic is not accepted any more")
            self._signed_in(self._authentication.refresh_session)
            return True

    def close(self):
        """Sign out and close the connections, within seconds whatever the service does."""
        if self._lock.acquire(timeout=SIGN_OUT_TIMEOUT):
            try:
                self._sign_out()
            finally:
                self._lock.release()
        self.http.pool.close()

    def _open(self):
        pod_manager = self._pod_manager
        connector = redfish_sushy.Connector(
            self._options, self._paths.origin, self.http, pod_manager.verify_ca
        )
        authentication = redfish_sushy.Authentication(pod_manager.username, pod_manager.password)
        authentication.set_context(None, connector)
        root = redfish_sushy.ServiceRoot(
            self._paths.origin, auth=authentication, connector=connector, root_prefix=self._paths.root
        )
        if connector.basic and not self._accepted(connector, root.json):
            reason = "neither a session nor HTTP Basic was granted"
            raise self.http.failure(errors.PodManagerAuthFailed, reason)
        self._connector, self._authentication, self._root = connector, authentication, root.json
        return root.json

    def _accepted(self, connector, root):
        """Return whether anything protected can be read: the root shows nothing, and one document may be special."""
        links = (redfish_document.reference(root.get(name)) for name in _PROTECTED)
        paths = [path for path in map(self._paths.local, filter(None, links)) if path]
        if connector.basic:  # each document would count as an attempt with a wrong password
            paths = paths[:1]
        statuses = (self.http.get(path, connector.credentials).status_code for path in paths)
        return not paths or any(status != 401 for status in statuses)

    def _signed_in(self, function):
        try:
            return function()
        except sushy_exceptions.AccessError as error:
            raise self._refused(redfish_failures.status_reason(error.status_code)) from None
        except errors.PodManagerAuthFailed as error:
            raise self._refused(error.kwargs["reason"]) from None
        except sushy_exceptions.ConnectionError as error:
            raise self.http.unanswered(error) from None
        except sushy_exceptions.SushyError as error:
            reason = f"signing in failed ({type(error).__name__})"
            raise self.http.failure(errors.PodManagerError, reason) from None

    def _rest(self):
        """Raise while credentials that were refused are not to be tried again."""
        if self.refused:
            raise self._failure(f"{self._refusal}; they are not tried again for a minute")

    def _refused(self, reason):
        self._refused_until = time.monotonic() + REFUSED_PAUSE
        self._refusal = reason
        return self._failure(reason)

    def _failure(self, reason):
        return self.http.failure(errors.PodManagerAuthFailed, reason)

    def _sign_out(self):
        if self._connector is None:
            return
        location = self._location()
        if location:
            self.http.delete(location, self.credentials, SIGN_OUT_TIMEOUT)
        self._authentication.reset_session_attrs()  # or sushy would sign out again when it is collected

    def _location(self):
        """Return the path of the open session, None without one."""
        return self._paths.local(self._authentication.get_session_resource_id() or "")
