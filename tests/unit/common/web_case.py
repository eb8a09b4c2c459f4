# SPDX-License-Identifier: Apache-2.0
"""A small WSGI application behind the HTTP server, and clients that speak bytes."""

import dataclasses
import socket
import threading

from tests import base
from valence.common.web import http_server

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGEST = 100_000


class Application:
    """Answers with what it was asked; ``/hold`` waits for ``gate``, ``/stream`` sends pieces, ``/large`` much."""

    def __init__(self):
        self.gate, self.asked, self.gone = threading.Event(), [], threading.Event()
        self.held = threading.Semaphore(0)

    def __call__(self, environ, start_response):
        self.asked.append(environ)
        path = environ["PATH_INFO"]
        if path == "/broken":
            raise KeyError(path)
        if path == "/stream":
            environ["valence.exchange"].when_gone(self.gone.set)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self.pieces()
        if path == "/hold":
            self.held.release()
            self.gate.wait(30)
        body = b"x" * 20_000_000 if path == "/large" else environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def pieces(self):
        yield b"first"
        while not self.gate.wait(0.01):
            yield b"more" * 10_000
        yield b"last"


class WebCase(base.TestCase):
    """A test with a server; ``limits`` are what its limits are instead of the usual ones."""

    limits: dict = {}
    threads = 2

    def setUp(self):
        super().setUp()
        self.application = Application()
        self.server = self.serve()

    def serve(self, **options):
        """Start a server and return it."""
        limits = dataclasses.replace(http_server.Limits(goodbye=0.2, receive=0.2, drain=5), **self.limits)
        options = {"threads": self.threads, "limits": limits, "largest_body": lambda path: LARGEST} | options
        server = http_server.Server("test", "127.0.0.1", 0, self.application, **options)
        self.addCleanup(server.stop)
        self.addCleanup(self.application.gate.set)
        server.start()
        return server

    def connect(self, source="127.0.0.1"):
        """Return a connection."""
        port = int(self.server.url.rpartition(":")[2])
        connection = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))
        self.addCleanup(connection.close)
        return connection

    def send(self, data, connection=None, **options):
        """Send bytes on a connection, by default a new one; return it."""
        connection = connection or self.connect(**options)
        connection.sendall(data)
        return connection

    def answer(self, connection):
        """Return status, headers and body of the next answer with a Content-Length."""
        stream = connection.makefile("rb")
        status = int(stream.readline().split()[1])
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, stream.read(int(headers.get("content-length", 0)))

    def ask(self, data, **options):
        """Send bytes on a new connection and return the status of the answer."""
        return self.answer(self.send(data, **options))[0]

    def closed(self, connection):
        """Tell whether the server has closed a connection on which nothing waits to be read."""
        try:
            connection.setblocking(False)
            return connection.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        finally:
            connection.settimeout(60)
