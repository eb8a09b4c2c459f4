# SPDX-License-Identifier: Apache-2.0
"""Signing in to a Redfish service: by a session, by HTTP Basic where there are none (DSP0266, section 13.3).

No answer is taken on trust: bodies may be any JSON or none, Locations may be missing or name another host, and the end
of a session may show as 401, 403, a redirect to a log-in page, or that page.
"""

import base64
import dataclasses
import hashlib
import threading
import time
import typing
import weakref

from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import failures
from valence.podmanagers.redfish.http import requests

#: seconds after refused credentials in which they are not tried again: live reads must not lock an account out
REFUSED_PAUSE = 60
#: seconds to wait for the end of a session to be confirmed
SIGN_OUT_TIMEOUT = 2
#: links of the root to documents that nobody reads without signing in
_PROTECTED = ("Systems", "Chassis", "Managers", "Fabrics", "Nodes")
#: statuses of a refusal of the credentials: nothing was done
REFUSALS = frozenset({401, 403})


class Grant(typing.NamedTuple):
    """Headers that prove who asks, and the path of the session that they belong to, if any is known."""

    headers: dict
    location: str | None = None
    basic: bool = False


@dataclasses.dataclass
class Attempts:
    """What came of signing in with one user name and password, shared by all connections that use them."""

    refused_until: float = 0.0
    refusal: str | None = None
    basic_failed: bool = False


#: Attempts by a digest of the access, as long as a connection uses it
_ATTEMPTS: weakref.WeakValueDictionary[bytes, Attempts] = weakref.WeakValueDictionary()
_ATTEMPTS_LOCK = threading.Lock()


def attempts_of(pod_manager) -> Attempts:
    """Return the Attempts with the access of a pod manager: each kind of work has a connection of its own."""
    access = repr((pod_manager.url, pod_manager.username, pod_manager.password)).encode()
    key = hashlib.blake2b(access, digest_size=16).digest()
    with _ATTEMPTS_LOCK:
        attempts = _ATTEMPTS.get(key)
        if attempts is None:
            attempts = _ATTEMPTS[key] = Attempts()
        return attempts


class Session:
    """The sign-in of Valence at one Redfish service: made when it is first needed, and again when a session ends."""

    def __init__(self, paths, pod_manager, http):
        self.http = http
        self._paths = paths
        self._pod_manager = pod_manager
        self._lock = threading.Lock()
        self._grant, self._root = None, {}
        #: path of the service root, in the form that the service knows
        self.root_path = paths.root
        #: a path that was read with the present credentials: the first to check when another one is refused
        self.proof = None
        self._attempts = attempts_of(pod_manager)
        self._had_session = False

    @property
    def refused(self) -> bool:
        """Whether the credentials were refused lately."""
        return time.monotonic() < self._attempts.refused_until

    @property
    def is_open(self) -> bool:
        """Whether it is signed in."""
        return self._grant is not None

    @property
    def credentials(self) -> dict:
        """Headers that prove who asks."""
        return self._grant.headers

    def open(self) -> dict | None:
        """Sign in unless that is done; return the root document if it was read for that, else None."""
        self._rest()
        if self._grant is not None:
            return None
        with self._lock:
            self._rest()
            return self._open() if self._grant is None else None

    def renew(self, stale: dict) -> bool:
        """Sign in again if ``stale`` credentials are accepted nowhere; return whether there are others now."""
        with self._lock:
            if self.credentials is not stale:
                return True
            if not stale or self._is_accepted(self._grant) is not False:
                return False
            if self._grant.basic:
                raise self._refused("HTTP Basic is not accepted any more")
            ended, self._grant = self._grant, self._granted(self._root)
            self._delete(ended)  # where it was not the session that ended, it would be left behind
            if self._is_accepted(self._grant) is False:
                raise self._refused("a new session may read nothing either; check the role of the account")
            return True

    def close(self):
        """Sign out and close the connections, within seconds whatever the service does."""
        if self._lock.acquire(timeout=SIGN_OUT_TIMEOUT):
            try:
                if self._grant is not None:
                    self._delete(self._grant)
                    self._grant = self._grant._replace(location=None)
            finally:
                self._lock.release()
        self.http.pool.close()

    def _open(self):
        self._root, grant = self._read_root()
        self._grant = grant or self._granted(self._root)
        return self._root

    def _read_root(self):
        """Return the root document, and the Grant of HTTP Basic if the service does not show it to strangers."""
        failure, guarded = None, None
        for path in self._paths.roots:
            answer = self.http.get(path, {})
            try:
                root = self.http.document(path, answer)
            except errors.PodManagerError as error:
                failure = failure or error
                guarded = guarded or (path if answer.status_code == 401 else None)
            else:
                self.root_path = path
                return root, None
        if guarded is None:
            raise failure
        return self._guarded_root(guarded, failure)

    def _guarded_root(self, path, failure):
        if not self._pod_manager.username:
            raise self._refused(failure.kwargs["reason"])
        grant = self._basic()
        answer = self.http.get(path, grant.headers)
        if answer.status_code in REFUSALS:
            raise self._refused(failures.status_reason(answer.status_code))
        self.root_path = path
        return self.http.document(path, answer), grant

    def _granted(self, root):
        """Return the Grant that the service gives; raise PodManagerAuthFailed.

        HTTP Basic is tried after a refusal too, because some services refuse sessions only; but once, and not if
        sessions were granted before: some services lock an account after three failures.
        """
        if not self._pod_manager.username:
            return Grant({})
        grant, status = self._session(root)
        if grant is not None:
            self._had_session = True
            return grant
        refused = status in REFUSALS
        grant = None if refused and (self._had_session or self._attempts.basic_failed) else self._basic()
        accepted = grant and self._is_accepted(grant, root)
        if accepted or (accepted is None and grant and not refused):
            return grant
        self._attempts.basic_failed = True
        reason = failures.status_reason(status) if refused else "neither a session nor HTTP Basic was granted"
        raise self._refused(reason)

    def _session(self, root):
        """Return the Grant of a new session, None if none was made, and the status of the answer."""
        path = self._sessions_path(root)
        body = {"UserName": self._pod_manager.username, "Password": self._pod_manager.password}
        try:
            answer = self.http.send("POST", path, {}, body)
        except composition_errors.HardwareOutcomeUnknown as error:  # a session is no hardware
            raise self.http.failure(errors.PodManagerUnreachable, error.kwargs["reason"]) from None
        token = answer.headers.get("X-Auth-Token")
        if not token or answer.status_code >= 400:
            return None, answer.status_code
        return Grant({"X-Auth-Token": token}, self._location(answer)), answer.status_code

    def _location(self, answer):
        """Return the path of the session that an answer tells of, None if it does not."""
        told = answer.headers.get("Location"), properties.reference(requests.json_object(answer))
        paths = (self._paths.member(answer.path, url) for url in told)
        return next(filter(None, paths), None)

    def _sessions_path(self, root):
        """Return the path of the sessions: as the root says, or as the standard has it."""
        link = properties.reference(properties.at(root, ("Links", "Sessions")))
        service = self._paths.link(properties.reference(root.get("SessionService")))
        return self._paths.local(link) or f"{service or f'{self._paths.root}SessionService'}/Sessions"

    def _basic(self):
        pair = f"{self._pod_manager.username}:{self._pod_manager.password}".encode()
        return Grant({"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, basic=True)

    def _is_accepted(self, grant, root=None):
        """Return whether anything protected can be read, None if nothing tells."""
        verdicts = set()
        for path in self._protected(grant, self._root if root is None else root):
            verdicts.add(_verdict(self.http.get(path, grant.headers)))
            if True in verdicts:
                return True
        return False if verdicts == {False} else None

    def _protected(self, grant, root):
        """Return paths that tell whether credentials are accepted: one document alone may be special.

        Of HTTP Basic only one, because each would count as an attempt with a wrong password.
        """
        links = (properties.reference(root.get(name)) for name in _PROTECTED)
        paths = list(filter(None, [self.proof, *map(self._paths.link, links)]))
        return list(dict.fromkeys(paths))[: 1 if grant.basic else None]

    def _rest(self):
        """Raise while credentials that were refused are not to be tried again."""
        if self.refused:
            raise self._failure(f"{self._attempts.refusal}; they are not tried again for a minute")

    def _refused(self, reason):
        self._attempts.refused_until = time.monotonic() + REFUSED_PAUSE
        self._attempts.refusal = reason
        return self._failure(reason)

    def _failure(self, reason):
        return self.http.failure(errors.PodManagerAuthFailed, reason)

    def _delete(self, grant):
        if grant.location:
            self.http.delete(grant.location, grant.headers, SIGN_OUT_TIMEOUT)


def may_refuse(answer) -> bool:
    """Return whether an answer may mean that the credentials are not accepted: ended sessions show in many ways."""
    if answer.status_code == 200:
        return answer.content.lstrip()[:1] != b"{"
    return answer.status_code in REFUSALS or answer.status_code in requests.REDIRECTS


def _verdict(answer):
    """Return whether an answer shows that credentials are accepted, None if it does not tell."""
    if may_refuse(answer):
        return False
    return True if answer.status_code == 200 else None
