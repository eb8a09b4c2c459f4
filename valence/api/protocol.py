# SPDX-License-Identifier: Apache-2.0
"""HTTP as cheroot speaks it, more strictly, and with its errors in the format of the API.

What another server on the way could read differently is refused: that is how requests are smuggled past a proxy.
A refused body is read to its
end, for a while, so that its sender sees why.
"""

import io
import logging
import re
import socket

from cheroot import server as cheroot
from oslo_context import context

from valence.api import errors as rendering
from valence.common import errors
from valence.common import tls

LOG = logging.getLogger(__name__)

#: what is read of a body that was refused: seconds without a byte, and bytes
LINGER_SECONDS, LINGER_BYTES = 1, 16 * 1024 * 1024

#: headers of which a second one would say something else
ONCE = (b"Host", b"Content-Length", b"Content-Type", b"Transfer-Encoding", b"Authorization", b"X-Auth-Token")

#: a header line by RFC 9112, section 5; folded lines are refused
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*\r\n")


def read_headers(rfile, headers):
    """Read header lines into a dict by name; raise ValueError with what is wrong."""
    while (line := rfile.readline()) != b"\r\n":
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError("A header line is broken.")
        name = match[1].title()
        if b"_" not in name:  # WSGI could not tell it from one with a dash
            _add_header(headers, name, match[2])
    if not headers.get(b"Content-Length", b"0").isdigit():
        raise ValueError("The Content-Length is not a number.")
    if b"Transfer-Encoding" in headers and b"Content-Length" in headers:
        raise ValueError("The length of the body is told twice.")


def _add_header(headers, name, value):
    if name not in headers:
        headers[name] = value
    elif name in ONCE:
        raise ValueError(f"The header {name.decode()} is given twice.")
    else:
        headers[name] += b", " + value


class Request(cheroot.HTTPRequest):
    """A request; head and body of the response are sent as one."""

    header_reader = staticmethod(read_headers)
    _head = b""

    def read_request_line(self):
        try:
            return super().read_request_line()
        except ValueError:  # of urllib, for some URLs
            self.simple_response("400 Bad Request", "Malformed Request-URI")
            return False

    def read_request_headers(self):
        if not super().read_request_headers():
            return False
        if b"Transfer-Encoding" in self.inheaders and not self.chunked_read:
            self.simple_response("400 Bad Request", "The Transfer-Encoding needs HTTP/1.1.")
            return False
        return True

    def simple_response(self, status, msg=""):
        code, _, title = str(status).partition(" ")
        failure = _failure(int(code), title, msg)
        request_id = context.generate_request_id()
        response = rendering.respond(failure, request_id)
        headers = {**response.headers, "Connection": "close", "X-OpenStack-Request-ID": request_id}
        lines = [f"{self.server.protocol} {failure.status} {failure.title}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.close_connection = self.conn.lingers = True
        self.conn.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + response.get_data())

    def send_headers(self):
        if self.status.startswith(b"413") or self._has_unread_chunks:
            self.close_connection = self.conn.lingers = True
        wfile, self.conn.wfile = self.conn.wfile, io.BytesIO()
        try:
            super().send_headers()
            self._head = self.conn.wfile.getvalue()
        finally:
            self.conn.wfile = wfile
        if self.chunked_write:
            self._send_head()

    def write(self, chunk):
        if self._head:
            chunk, self._head = self._head + chunk, b""
        super().write(chunk)

    def respond(self):
        super().respond()
        self._send_head()

    @property
    def _has_unread_chunks(self):
        """Whether something of the body is left that would be taken for the next request."""
        return self.chunked_read and not self.rfile.closed

    def _send_head(self):
        if self._head:
            self.conn.wfile.write(self._head)
            self._head = b""


class Connection(tls.Connection):
    """A connection; ``fresh`` until it has sent its first byte, ``lingers`` when a body was refused."""

    RequestHandlerClass = Request
    fresh, lingers = True, False

    def close(self):
        if self.lingers:
            self._drain()
        super().close()

    def _drain(self):
        """Read what is still being sent: closing would cut the answer off from a client that has not read it."""
        try:
            self.socket.settimeout(LINGER_SECONDS)
            self.socket.shutdown(socket.SHUT_WR)
            left = LINGER_BYTES
            while left > 0 and (data := self.socket.recv(65536)):
                left -= len(data)
        except (OSError, ValueError):
            return


def _failure(status, title, reason):
    """Return the error for one of cheroot's; what it calls 413 is about headers, bodies are the application's."""
    if status == 413:
        status, title = 431, "Request Header Fields Too Large"
    if status == 503:
        return errors.Unavailable(reason="All threads are busy.")
    failure = errors.BadRequest(reason=str(reason) or title)
    failure.status, failure.title = status, title
    return failure
