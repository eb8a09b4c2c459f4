# SPDX-License-Identifier: Apache-2.0
"""A signed-in connection to one Redfish service: documents by path, from any thread."""

import hashlib
import re
import threading
import typing

from valence.common import errors
from valence.podmanagers import redfish_document
from valence.podmanagers import redfish_http
from valence.podmanagers import redfish_paths
from valence.podmanagers import redfish_session
from valence.podmanagers import redfish_stream

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
        self.paths = redfish_paths.Paths(pod_manager.url)
        self._slashes = redfish_paths.Slashes(self.paths)
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

    def _get(self, path, etag, digest):
        session = self._usable_session()
        session.open()
        credentials = session.credentials
        answer = self._answer(session, path, credentials, etag)
        if redfish_session.may_refuse(answer) and session.renew(credentials):
            answer = self._answer(session, path, session.credentials, etag)
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
        """Change something; return the answer, or raise what it says if that is no success."""
        return self.accepted(path, self.exchange(method, path, body))

    def accepted(self, path, answer):
        """Return an answer of success; raise what another one says."""
        return self._usable_session().http.accepted(path, answer)

    def exchange(self, method, path, body=None, headers=None):
        """Return the answer to a request that changes something, whatever it says.

        Only a refusal of the credentials, after which nothing was changed, is followed by another try.
        """
        headers, session = headers or {}, self._usable_session()
        session.open()
        credentials = session.credentials
        answer = session.http.send(method, path, headers | credentials, body)
        renewed = redfish_session.may_refuse(answer) and session.renew(credentials)
        if renewed and answer.status_code in (401, 403):
            answer = session.http.send(method, path, headers | session.credentials, body)
        return answer

    def forget(self, path, timeout):
        """Delete what is at a path within ``timeout`` seconds; a failure is no matter."""
        session = self._session
        if session is not None and session.is_open:
            session.http.delete(path, session.credentials, timeout)

    def stream(self, path):
        """Return the stream of events at a path (redfish_stream.Stream), open."""
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
        stream = redfish_stream.Stream(
            self.paths, self._options, self._pod_manager.verify_ca, self._pod_manager.tls
        )
        return stream, stream.open(path, credentials)

    def _part(self, document, path, pointer):
        part = redfish_document.pointed(document.content, pointer)
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
            raise errors.PodManagerUnreachable(url=self.paths.url, reason="its connection is being closed")
        return self._session

    def _new_session(self):
        http = redfish_http.HTTP(
            self._options, self.paths, self._pod_manager.verify_ca, self._pod_manager.tls
        )
        return redfish_session.Session(self.paths, self._pod_manager, http)

    def _answer(self, session, path, credentials, etag):
        """Return the answer at a path, with a slash at its end or without, as the service knows it."""
        headers = credentials | {"If-None-Match": etag} if etag else credentials
        is_root = path in self.paths.roots
        form = path if is_root else self._slashes.form(path)
        answer = self._patient_answer(session.http, form, headers)
        if answer.status_code == 404 and not is_root and self._slashes.may_be_other():
            other = self._patient_answer(session.http, redfish_paths.toggled(form), headers)
            answer = answer if other.status_code == 404 else other
        if answer.status_code == 200 and not is_root:
            self._slashes.learn(answer.path)
        return answer

    def _patient_answer(self, http, path, headers):
        answer = http.get(path, headers)
        if answer.status_code in redfish_http.BUSY and self._waited(answer.headers.get("Retry-After")):
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
