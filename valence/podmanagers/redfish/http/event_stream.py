# SPDX-License-Identifier: Apache-2.0
"""Server-sent events of a Redfish service (DSP0266, section 13.5), on a connection of their own."""

import contextlib
import http.client
import socket
import urllib.parse

from valence.common import errors
from valence.podmanagers.redfish.http import failures
from valence.podmanagers.redfish.http import transport

_MEDIA_TYPE = "text/event-stream"
#: characters that a path keeps when it is sent
_IN_URLS = "/?&=%:@!$'()*+,;~-._"
_HEADERS = {"Accept": _MEDIA_TYPE, "Cache-Control": "no-cache", "OData-Version": "4.0"}
#: a stream may be silent for days; whether the other side is there is asked for after so many seconds of silence,
#: every so many seconds, so many times
_KEEP_ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
#: limits of one event; a stream that exceeds one is closed, and opened again after a pause
_EVENT_BYTES, _EVENT_LINES = 1024 * 1024, 10_000


class Stream:
    """What one service sends; ``close`` ends it from any thread. Raises PodManagerUnreachable and PodManagerError."""

    def __init__(self, paths, options, verify_ca, tls="auto"):
        self._paths, self._options = paths, options
        self._connection = self._new_connection(verify_ca, tls)
        self._socket = None
        self._closed = False

    def open(self, path, credentials):
        """Ask for the stream at a path; return None, or why the answer is not one."""
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            self._answer = self._ask(urllib.parse.quote(path, safe=_IN_URLS), _HEADERS | credentials)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._failure(error) from None
        return self._problem()

    def data(self):
        """Yield the data of each event, bytes; end when the service ends the stream, or ``close`` does."""
        lines, size = [], 0
        try:
            while line := self._answer.readline(_EVENT_BYTES):
                size += len(line)
                line = line.rstrip(b"\r\n")
                if line.startswith(b"data:"):
                    lines.append(line[5:].removeprefix(b" "))
                elif not line:
                    if any(lines):
                        yield b"\n".join(lines)
                    lines, size = [], 0
                if size >= _EVENT_BYTES or len(lines) > _EVENT_LINES:
                    raise self._error(f"an event has more than 1 MiB or {_EVENT_LINES} lines")
        except (OSError, ValueError, http.client.HTTPException) as error:
            if not self._closed:
                raise self._failure(error) from None

    def close(self):
        """Wake whoever reads, and end; the socket's own method would take the TLS layer away from below its reader."""
        self._closed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def release(self):
        """Give the connection back, in the thread that reads."""
        self._connection.close()

    def _problem(self):
        """Return why the answer is not a stream of events, None if it is one."""
        if self._answer.status != 200:
            return failures.status_reason(self._answer.status)
        media_type = self._answer.headers.get_content_type()
        if media_type != _MEDIA_TYPE:
            return f"it answers with {failures.printable(media_type)} instead of a stream of events"
        if self._answer.headers.get("Content-Encoding", "identity") != "identity":
            return "its stream of events is compressed although that was not asked for"
        return None

    def _ask(self, path, headers):
        for name, value in _KEEP_ALIVE.items():
            self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.settimeout(self._options.read_timeout)
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        self._socket.settimeout(None)
        return answer

    def _new_connection(self, verify_ca, tls):
        place = {"host": self._paths.host, "port": self._paths.port, "timeout": self._options.connect_timeout}
        if self._paths.scheme == "http":
            return http.client.HTTPConnection(**place)
        try:
            context = transport.trusting(verify_ca, tls)
        except OSError as error:  # ssl.SSLError is one
            raise self._error(
                f"the file of authorities {verify_ca} cannot be used ({type(error).__name__})"
            ) from None
        return http.client.HTTPSConnection(**place, context=context)

    def _failure(self, error):
        limits = self._options.connect_timeout, self._options.read_timeout
        reason = failures.connection_reason(error, *limits)
        return errors.PodManagerUnreachable(url=self._paths.url, reason=reason)

    def _error(self, reason):
        return errors.PodManagerError(url=self._paths.url, reason=reason)
