# SPDX-License-Identifier: Apache-2.0
"""A server that is sent bytes, whatever they are."""

import socket

from tests.unit.api import case
from valence.api import server


class BytesCase(case.APITestCase):
    """A test with an API on ``self.port``."""

    time_limit = 120

    def setUp(self):
        super().setUp()
        self.conf.set_override("port", 0, "api")
        http = server.Server(self.conf, self.application)
        http.start()
        self.addCleanup(http.stop)
        self.port = int(http.url.rpartition(":")[2])

    def answer(self, data):
        """Return the status, the headers and the body of the answer to bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            connection.sendall(data)
            stream = connection.makefile("rb")
            head = iter(stream.readline, b"\r\n")
            status = int(next(head).split()[1])
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.decode().partition(":") for line in head)
            }
            return status, headers, stream.read(int(headers["content-length"]))

    def bytes_of(self, method, target, headers=b"X-Nothing: at all", body=b""):
        """Return the bytes of a request."""
        length = b"" if b"Content-Length" in headers else b"Content-Length: %d\r\n" % len(body)
        return b"%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n\r\n%s" % (
            method,
            target,
            length,
            headers,
            body,
        )
