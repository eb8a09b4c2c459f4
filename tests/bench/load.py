# SPDX-License-Identifier: Apache-2.0
"""Clients that ask an HTTP server again and again, at little cost of their own."""

import json
import socket
import threading
import time

END_OF_HEAD = b"\r\n\r\n"
CHUNK = 1 << 20


class LoadError(Exception):
    """A request was not answered as expected."""


class Connection:
    """One kept-alive connection to ``127.0.0.1:port``."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, data):
        """Send a whole request and return the body of the answer; raise LoadError unless it is a 2xx."""
        self._socket.sendall(data)
        received = b""
        while END_OF_HEAD not in received:
            received += self._more(data, received)
        head, _, body = received.partition(END_OF_HEAD)
        missing = length(head) - len(body)
        parts = [body]
        while missing > 0:
            parts.append(self._more(data, received))
            missing -= len(parts[-1])
        body = b"".join(parts)
        if head[9:10] != b"2":
            raise LoadError(f"{data[:200]!r} was answered with {head!r} {body[:500]!r}")
        return body

    def close(self):
        self._socket.close()

    def _more(self, data, received):
        more = self._socket.recv(CHUNK)
        if not more:
            raise LoadError(f"{data[:200]!r}: the connection was closed after {received[:200]!r}")
        return more


def length(head):
    """Return the Content-Length that the head of an answer gives, 0 without one."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def request(method, path, document=None, media_type="application/json"):
    """Return the bytes of a request."""
    body = json.dumps(document).encode() if document is not None else b""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if document is not None:
        head += [f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + END_OF_HEAD + body


def run(port, requests, clients):
    """Send all requests over ``clients`` connections at the same time; return the seconds of each, sorted.

    ``requests`` is a list of bytes; client number n sends every ``clients``-th of them from the n-th on.
    """
    threads = [Client(port, requests[number::clients]) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for thread in threads:
        if thread.error:
            raise thread.error
    return sorted(seconds for thread in threads for seconds in thread.seconds)


class Client(threading.Thread):
    """Sends requests one after another over one connection."""

    def __init__(self, port, requests):
        super().__init__(daemon=True)
        self._connection, self._requests = Connection(port), requests
        self.seconds, self.error = [], None

    def run(self):
        try:
            for each in self._requests:
                began = time.perf_counter()
                self._connection.ask(each)
                self.seconds.append(time.perf_counter() - began)
        except (OSError, LoadError) as error:
            self.error = error
        finally:
            self._connection.close()
