# SPDX-License-Identifier: Apache-2.0
"""One HTTP request and its response: built by the connection, answered by a WSGI application in a worker thread."""

import email.utils
import functools
import http
import io
import logging
import re
import socket
import sys
import tempfile
import threading
import time
import typing
import urllib.parse

from valence.common import errors
from valence.common.web import http_limits

LOG = logging.getLogger(__name__)

#: headers of which a second one would say something else: another server on the way could read the other one
ONCE = {
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "HTTP_AUTHORIZATION",
    "HTTP_HOST",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_X_AUTH_TOKEN",
}
#: what a request target must look like: a path that no other server could take for a host, and a query
_TARGET = re.compile(rb"/(?!/)[^#]*")
#: key of the WSGI environment that has the Exchange, for applications that want to know whether the client is there
EXCHANGE = "valence.exchange"

SERVER = "valence"


class BadHTTP(errors.ValenceError):
    """A request that the HTTP server answers itself: ``status``, ``reason``."""

    message = "{reason}"
    hint = "Send a request that follows RFC 9110 and RFC 9112, in time."

    def __init__(self, *, status: int, reason: str) -> None:
        super().__init__(status=status, reason=reason)
        phrase = http.HTTPStatus(status).phrase
        self.status, self.title = status, phrase
        self.code = "valence." + re.sub("[^a-z]+", "_", phrase.lower())


class Refusal(Exception):
    """A request that is answered by the server itself, with ``error``."""

    def __init__(self, error: errors.ValenceError) -> None:
        super().__init__(error)
        self.error = error


class ClientGone(ConnectionError):
    """Raised in the application's thread when it sends something and the client is not there any more."""


def refusal(status: int, reason: str) -> Refusal:
    """Return the refusal of a request that is not HTTP as this server takes it."""
    return Refusal(BadHTTP(status=status, reason=reason))


class Request:
    """A request while it is received: the WSGI environment and the body."""

    def __init__(
        self,
        base: dict[str, typing.Any],
        method: str,
        target: bytes,
        version: str,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        self.method, self.version = method, version
        self.keep_alive = False
        #: whether the body was not read to its end
        self.cut = False
        self.length = 0
        self._body: typing.Any = None
        self.environ = base | {"REQUEST_METHOD": method, "SERVER_PROTOCOL": f"HTTP/{version}"}
        if version not in ("1.0", "1.1"):
            raise refusal(505, "This server speaks HTTP/1.1.")
        if method == "CONNECT":
            raise refusal(405, "This server is no proxy.")
        if not _TARGET.fullmatch(target):
            raise refusal(400, "The request target is not a path that begins with one slash.")
        path, _, query = target.partition(b"?")
        self.environ["PATH_INFO"] = urllib.parse.unquote_to_bytes(path).decode("latin-1")
        self.environ["QUERY_STRING"] = query.decode("latin-1")
        self._add_headers(headers)

    @property
    def path(self) -> str:
        """The decoded path."""
        return str(self.environ["PATH_INFO"])

    @property
    def announced(self) -> int | None:
        """The length of the body as the head tells it; None for a body in chunks."""
        return None if self.is_chunked else int(self.environ.get("CONTENT_LENGTH", 0))

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "HTTP_TRANSFER_ENCODING" in self.environ

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for a go-ahead before it sends the body."""
        return self.version == "1.1" and self.environ.get("HTTP_EXPECT", "").lower() == "100-continue"

    def add(self, data: bytes, in_memory: int) -> None:
        """Add a part of the body."""
        if self._body is None:
            self._body = tempfile.SpooledTemporaryFile(in_memory)  # noqa: SIM115 - close() ends it
        self._body.write(data)
        self.length += len(data)

    def whole_environ(self) -> dict[str, typing.Any]:
        """Return the WSGI environment with the body that was received."""
        environ = self.environ
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            environ["CONTENT_LENGTH"] = str(self.length)
        if self._body is None:
            environ["wsgi.input"] = io.BytesIO()
        else:
            self._body.seek(0)
            environ["wsgi.input"] = self._body
        return environ

    def close(self) -> None:
        """Free the body."""
        if self._body is not None:
            self._body.close()

    def _add_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        environ = self.environ
        for name, value in headers:
            key = _key(name)
            if key is None:
                continue
            text = value.decode("latin-1").rstrip(" \t")
            if key not in environ:
                environ[key] = text
            elif key in ONCE:
                raise refusal(400, f"The header {name.decode('latin-1')} is given twice.")
            else:
                environ[key] += f"{'; ' if key == 'HTTP_COOKIE' else ', '}{text}"
        if self.version == "1.1" and "HTTP_HOST" not in environ:
            raise refusal(400, "HTTP/1.1 requires the header Host.")
        if self.is_chunked:
            self._check_coding(environ["HTTP_TRANSFER_ENCODING"])

    def _check_coding(self, coding: str) -> None:
        if self.version != "1.1":
            raise refusal(400, "The Transfer-Encoding needs HTTP/1.1.")
        if coding.lower() != "chunked":
            raise refusal(501, "The only Transfer-Encoding is chunked.")


@functools.lru_cache(512)
def _key(name: bytes) -> str | None:
    """Return the name of a header in a WSGI environment; None if it could not be told from one with a dash."""
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"


class Exchange:
    """A request in a worker thread; ``connection`` sends what the application answers."""

    def __init__(self, connection: typing.Any, request: Request, deadline: float) -> None:
        self._connection, self.request, self._deadline = connection, request, deadline
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._is_chunked = self._has_sent = False
        self._changed = threading.Condition()
        self._is_writable, self._is_gone = True, False
        self._listeners: list[typing.Callable[[], None]] = []

    @property
    def streams(self) -> bool:
        """Whether a response of unknown length is being sent."""
        return self._has_sent

    @property
    def is_gone(self) -> bool:
        """Whether the client has closed the connection, or has lost it because it did not read."""
        return self._is_gone

    def when_gone(self, callback: typing.Callable[[], None]) -> None:
        """Have ``callback()`` called, once, by the server's thread, when the client is gone; at once if it is."""
        with self._changed:
            if not self._is_gone:
                self._listeners.append(callback)
                return
        callback()

    def writable(self, value: bool) -> None:
        """Note whether more may be sent; the connection calls this."""
        with self._changed:
            self._is_writable = value
            self._changed.notify_all()

    def gone(self) -> None:
        """Note that the client is gone; the connection calls this."""
        with self._changed:
            self._is_gone = True
            listeners, self._listeners = self._listeners, []
            self._changed.notify_all()
        for callback in listeners:
            callback()

    def run(self, application: typing.Any) -> None:
        """Answer the request."""
        try:
            if self._is_gone:
                raise ClientGone
            if time.monotonic() > self._deadline:
                raise Refusal(errors.Unavailable(reason="All threads are busy."))
            self._answer(application)
        except ClientGone:
            self._connection.refuse_soon(self, None)
        except Refusal as refused:
            self._connection.refuse_soon(self, refused.error)
        except Exception:  # the edge of a request: its thread serves others after it
            LOG.exception("a request could not be answered")
            error = errors.Internal(host=socket.gethostname())
            self._connection.refuse_soon(self, None if self._has_sent else error)

    def _answer(self, application: typing.Any) -> None:
        result = application(self._environ(), self._start)
        try:
            if self._length() is not None or not self._has_body:
                self._finish(b"".join(result))
            elif isinstance(result, list | tuple):
                body = b"".join(result)
                self._headers.append(("Content-Length", str(len(body))))
                self._finish(body)
            else:
                self._stream(result)
        finally:
            if close := getattr(result, "close", None):
                close()

    def _environ(self) -> dict[str, typing.Any]:
        environ = self.request.whole_environ()
        environ |= {"wsgi.errors": sys.stderr, "wsgi.input_terminated": True, EXCHANGE: self}
        return environ

    def _start(
        self, status: str, headers: list[tuple[str, str]], exc_info: typing.Any = None
    ) -> typing.Callable[[bytes], None]:
        if exc_info and self._has_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return self._send_part

    def _length(self) -> str | None:
        return next((value for name, value in self._headers if name.lower() == "content-length"), None)

    @property
    def _has_body(self) -> bool:
        return self.request.method != "HEAD" and self._status[:3] not in ("204", "304")

    def _finish(self, body: bytes) -> None:
        """Send a response whose length is known."""
        if self._has_sent:  # by the function that start_response returned
            body = self._part(body) + (b"0\r\n\r\n" if self._is_chunked else b"")
            self._connection.send_soon(self, body, last=True)
            return
        keep = self._connection.may_keep(self.request)
        if self._status[:3] == "204":
            self._headers = [each for each in self._headers if each[0].lower() != "content-length"]
        data = self._head(keep) + (body if self._has_body else b"")
        self._connection.send_soon(self, data, last=True, keep=keep)

    def _stream(self, result: typing.Iterable[bytes]) -> None:
        for part in result:
            self._send_part(part)
        self._finish(b"")

    def _send_part(self, part: bytes) -> None:
        """Send a part of a response of unknown length, and wait until the client has taken it."""
        head = b""
        if not self._has_sent:
            self._is_chunked = self.request.version == "1.1" and self._has_body and self._length() is None
            extra = [("Transfer-Encoding", "chunked")] if self._is_chunked else []
            self._headers = [*self._headers, *extra]
            head, self._has_sent = self._head(keep=False), True
        data = head + self._part(part)
        if not data:
            return
        http_limits.end_turn()
        self.writable(False)
        self._connection.send_soon(self, data)
        with self._changed:
            self._changed.wait_for(lambda: self._is_writable or self._is_gone)
            if self._is_gone:
                raise ClientGone

    def _part(self, part: bytes) -> bytes:
        if not part or not self._has_body:
            return b""
        return b"%x\r\n%s\r\n" % (len(part), part) if self._is_chunked else part

    def _head(self, keep: bool) -> bytes:
        return head(self._status, self._headers, keep)


def head(status: str, headers: list[tuple[str, str]], keep: bool) -> bytes:
    """Return the head of a response, up to the empty line."""
    lines = [
        f"HTTP/1.1 {status}",
        *(f"{name}: {value}" for name, value in headers),
        _own_headers(int(time.time())),
    ]
    if not keep:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def status_line(error: errors.ValenceError) -> str:
    """Return status code and title of an error."""
    return f"{error.status} {error.title or http.HTTPStatus(error.status).phrase}"


@functools.lru_cache(2)
def _own_headers(second: int) -> str:
    return f"Date: {email.utils.formatdate(second, usegmt=True)}\r\nServer: {SERVER}"
