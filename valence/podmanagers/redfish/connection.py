# SPDX-License-Identifier: Apache-2.0
"""A signed-in connection to one Redfish service; any thread may read resources by path.

A body with the same bytes as in the last crawl is not parsed again, which saves most of the work of a crawl without
changes. Some services keep an ETag when a resource changes; a comparison of bytes cannot be wrong.
"""

import hashlib
import re
import threading
import typing

from valence.common import compact
from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import requests
from valence.podmanagers.redfish.http import sign_in
from valence.podmanagers.redfish.http import transport


class Known(typing.NamedTuple):
    """What a document told, the digest of its bytes, and the ETag of the answer."""

    digest: bytes
    told: typing.Any
    etag: str | None = None


class Memory:
    """What is known by key; safe in several threads. ``forget_unused`` bounds it to what the service still has."""

    def __init__(self):
        self._shelf, self._lock = compact.Shelf(), threading.Lock()

    def __len__(self):
        return len(self._shelf)

    def recall(self, key) -> Known | None:
        """Return the Known of a key, None where there is none."""
        with self._lock:
            return self._shelf.get(hash(key))

    def keep(self, key, digest, told, etag=None):
        """Know from now on what a document told."""
        with self._lock:
            self._shelf.put(hash(key), Known(digest, told, etag))

    def forget_unused(self):
        """Forget whatever was neither recalled nor kept since the last time."""
        with self._lock:
            self._shelf.forget_unused()


#: longest wait, in seconds, that a busy service may ask for before its one second chance
LONGEST_RETRY_AFTER = 3


class Document(typing.NamedTuple):
    """A Redfish document, the ETag of its answer, and a digest of both.

    ``content`` is None where it still has the ETag (then ``digest`` is None too) or the digest that was asked with.
    """

    content: dict | None
    etag: str | None
    digest: bytes | None = None


class Connection:
    """Documents of one Redfish service. Contacts nothing before the first request; safe in several threads."""

    def __init__(self, options, pod_manager):
        self._options = options
        self._pod_manager = pod_manager
        self.paths = urls.Paths(pod_manager.url)
        self._slashes = urls.Slashes(self.paths)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._session = None

    @property
    def refused(self):
        """Whether the credentials were refused lately."""
        return self._session is not None and self._session.refused

    def root(self):
        """Contact the service, sign in unless that is done, and return its root document."""
        session = self._usable_session()
        try:
            return session.open() or self._get(session.root_path, None, None).content
        except errors.ResourceGone as error:
            reason = f"{error.kwargs['reason']}; the URL does not lead to a Redfish service"
            raise errors.PodManagerError(url=self.paths.url, reason=reason) from None

    def get(self, path, etag=None, digest=None):
        """Return the document at a path, or the part that its fragment names.

        There is no content if it still has the ``etag`` or the ``digest``.
        """
        path, _, pointer = path.partition("#")
        return (
            self._part(self._get(path, None, None), path, pointer)
            if pointer
            else self._get(path, etag, digest)
        )

    def poll(self, path):
        """Return the answer at a path, whatever it says: what becomes of a task shows in its status too."""
        return self._asked(self._usable_session(), path, None)

    def _asked(self, session, path, etag):
        session.open()
        credentials = session.credentials
        answer = self._answer(session, path, credentials, etag)
        if sign_in.may_refuse(answer) and session.renew(credentials):
            answer = self._answer(session, path, session.credentials, etag)
        return answer

    def _get(self, path, etag, digest):
        session = self._usable_session()
        answer = self._asked(session, path, etag)
        if answer.status_code == 304 and etag:
            return Document(None, etag)
        etag = answer.headers.get("ETag")
        found = _digest(answer.content, etag)
        same = found == digest and answer.status_code == 200
        content = None if same else session.http.document(path, answer)
        if path not in self.paths.roots:
            session.proof = answer.path
        return Document(content, etag, found)

    def send(self, method, path, body=None):
        """Change something; return the answer, or raise what it says if that is no success. Raise as ``exchange``."""
        return self.accepted(path, self.exchange(method, path, body))

    def accepted(self, path, answer):
        """Return an answer of success; raise what another one says, also while the connection is being closed."""
        assert self._session is not None  # it got the answer
        return self._session.http.accepted(path, answer)

    def refusal(self, path, answer):
        """Return the error for the answer to a change that is no success: HardwareOutcomeUnknown for 502 and 504.

        A connection that is being closed does not change what an answer says: it raises nothing.
        """
        assert self._session is not None  # it got the answer
        return self._session.http.refusal(path, answer)

    def exchange(self, method, path, body=None, headers=None):
        """Return the answer to a request that changes something, whatever it says.

        Only a refusal of the credentials, after which nothing was changed, is followed by another try.
        Raise HardwareOutcomeUnknown if the request may have arrived and its answer was lost; PodManagerUnreachable
        and PodManagerAuthFailed if it has not arrived.
        """
        headers, session = headers or {}, self._usable_session()
        session.open()
        credentials = session.credentials
        answer = session.http.send(method, path, headers | credentials, body)
        if not answer.content and answer.status_code == 200 or not sign_in.may_refuse(answer):
            return answer
        if not self._renewed(session, credentials, path, answer):
            return answer
        return session.http.send(method, path, headers | session.credentials, body)

    def _renewed(self, session, credentials, path, answer):
        """Return whether an answer to a change refused the credentials and there are new ones.

        Raise HardwareOutcomeUnknown where the answer may be a log-in page: the session may have ended before the change
        or after it.
        """
        reason = f"{path}: it answers with another page, as services do where a session has ended"
        unknown = composition_errors.HardwareOutcomeUnknown(url=self.paths.url, reason=reason)
        try:
            renewed = session.renew(credentials)
        except errors.PodManagerError as error:
            raise error if answer.status_code in sign_in.REFUSALS else unknown from None
        if renewed and answer.status_code not in sign_in.REFUSALS:
            raise unknown
        return renewed

    def forget(self, path, timeout):
        """Delete what is at a path within ``timeout`` seconds; a failure is no matter."""
        session = self._session
        if session is not None and session.is_open:
            session.http.delete(path, session.credentials, timeout)

    def stream(self, path):
        """Return the stream of events at a path (transport.Stream), open."""
        session = self._usable_session()
        session.open()
        credentials = session.credentials
        stream, problem = self._open_stream(path, credentials)
        if problem and session.renew(credentials):
            stream.release()
            stream, problem = self._open_stream(path, session.credentials)
        if problem:
            stream.release()
            raise session.http.failure(errors.PodManagerError, f"{path}: {problem}")
        return stream

    def _open_stream(self, path, credentials):
        stream = transport.Stream(
            self.paths, self._options, self._pod_manager.verify_ca, self._pod_manager.tls
        )
        return stream, stream.open(path, credentials)

    def _part(self, document, path, pointer):
        part = properties.pointed(document.content, pointer)
        if not isinstance(part, dict):
            raise errors.ResourceGone(url=self.paths.url, reason=f"{path}: there is no part {pointer}")
        return Document(part, None)

    def abort(self):
        """Break off every answer that is being waited for, and refuse to ask for others."""
        self._closed.set()
        session = self._session
        if session is not None:
            session.http.interruption.interrupt()

    def close(self):
        """End the session and close the connections, within seconds whatever the service does."""
        self._closed.set()
        with self._lock:
            if self._session is not None:
                self._session.close()

    def _usable_session(self):
        if self._session is None:
            with self._lock:
                self._session = self._session or self._new_session()
        if self._closed.is_set():
            raise errors.ConnectionClosed(url=self.paths.url, reason="its connection is being closed")
        return self._session

    def _new_session(self):
        http = requests.HTTP(self._options, self.paths, self._pod_manager.verify_ca, self._pod_manager.tls)
        return sign_in.Session(self.paths, self._pod_manager, http)

    def _answer(self, session, path, credentials, etag):
        """Return the answer at a path, with a slash at its end or without, as the service knows it."""
        headers = credentials | {"If-None-Match": etag} if etag else credentials
        is_root = path in self.paths.roots
        form = path if is_root else self._slashes.form(path)
        answer = self._patient_answer(session.http, form, headers)
        if answer.status_code == 404 and not is_root and self._slashes.may_be_other():
            other = self._patient_answer(session.http, urls.toggled(form), headers)
            answer = answer if other.status_code == 404 else other
        if answer.status_code == 200 and not is_root:
            self._slashes.learn(answer.path)
        return answer

    def _patient_answer(self, http, path, headers):
        answer = http.get(path, headers)
        if answer.status_code in requests.BUSY and self._waited(answer.headers.get("Retry-After")):
            answer = http.get(path, headers)
        return answer

    def _waited(self, seconds):
        """Wait as long as a busy service asks, unless that is long; return whether to ask it again."""
        if not re.fullmatch("[0-9]{1,4}", seconds or "") or int(seconds) > LONGEST_RETRY_AFTER:
            return False
        return not self._closed.wait(int(seconds))


def _digest(content, etag):
    digest = hashlib.blake2b(content, digest_size=16)
    digest.update((etag or "").encode())
    return digest.digest()
