# SPDX-License-Identifier: Apache-2.0
"""A server that is sent bytes, whatever they are."""

import json
import re
import socket

from tests.unit.api import case
from valence.api.http import api_server

#: what an answer must not show of the code
CODE = re.compile(r"Traceback|valence\.\w+\.\w+|<class|\.py")


class BytesCase(case.APITestCase):
    """A test with an API on ``self.port``."""

    time_limit = 120

    def setUp(self):
        super().setUp()
        self.conf.set_override("port", 0, "api")
        http = api_server.Server(self.conf, self.application)
        http.start()
        self.addCleanup(http.stop)
        self.port = int(http.url.rpartition(":")[2])

    def answer(self, data):
        """Return the status, the headers and the body of the answer to bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
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


class RefusalCase(BytesCase):
    """A test that sends bad requests."""

    def assert_refused(self, requests):
        """Check that requests, ``(bytes, number)``, are answered by errors with so many entries.

        0 is no error, None any number of them.
        """
        wrong = [fault for data, number in requests if (fault := self.fault(data, number))]
        self.assertEqual([], wrong)

    def fault(self, data, number):
        """Return what is wrong with the answer to a bad request, None if it is as it has to be."""
        status, headers, body = self.answer(data)
        about = f"{data[:150]!r}: {status} {body[:1000]!r}"
        if number == 0:
            return None if status == 200 else f"not 200: {about}"
        if not 400 <= status < 500:
            return f"not 4xx: {about}"
        told = json.loads(body)["errors"]
        if number is not None and len(told) != number:
            return f"{len(told)} told, not {number}: {about}"
        identity = (status, headers["x-openstack-request-id"])
        if {(each["status"], each["request_id"]) for each in told} != {identity}:
            return f"not the same everywhere: {about}"
        if not all(each[name] for each in told for name in ("code", "title", "detail", "hint", "links")):
            return f"not in the format: {about}"
        return f"tells of the code: {about}" if any(CODE.search(each["detail"]) for each in told) else None
