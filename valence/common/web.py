# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of every port: API, introspection, events of hardware and metrics.

An event loop in a thread of its own reads requests and writes responses, TLS included, with deadlines and limits; a
worker thread is taken only while the WSGI application runs. Slow clients hold connections, of which there are enough,
and nothing else.
"""

import asyncio
import contextlib
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from valence.common import errors
from valence.common import web_connection
from valence.common import web_exchange
from valence.common import web_limits

LOG = logging.getLogger(__name__)

Limits = web_limits.Limits
LOOPBACK = web_limits.LOOPBACK

#: connections that wait to be accepted, and the share that is accepted before others are served: a client that has just
#: connected must be able to send its request before as many others take all places
BACKLOG, ACCEPTED_SHARE = 1024, 16
#: bytes that the kernel keeps of a response that is not read
SEND_BUFFER = 128 * 1024
#: seconds between two looks at the deadlines, at the work that is left when the server stops, and after a failed accept
SWEEP, POLL, PAUSE = 0.5, 0.02, 0.1
#: seconds that the threads get to end
JOIN = 5


def plain_error(error: errors.ValenceError, request_id: str):
    """Return headers and body of an error, as text."""
    problems = "".join(f"{problem['detail']} {problem['hint']}\n" for problem in error.problems)
    return [("Content-Type", "text/plain; charset=utf-8")], problems.encode()


class Server:
    """Serves a WSGI application at ``host`` and ``port``, 0 being a free one; ``url`` is known once it is started.

    ``tls_files`` are the files (PEM) of a certificate chain and its key: with them it speaks HTTPS.
    ``largest_body(path)`` returns the most bytes of a body that the application reads at a path; of a larger one it
    gets the Content-Length and no data, of a larger one in chunks one byte more than this.
    ``render(error, request_id)`` returns headers and body of the errors that the server answers itself.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        application: Callable,
        *,
        threads: int = 2,
        tls_files: tuple | None = None,
        limits: Limits = Limits(),  # noqa: B008 - it cannot be changed
        largest_body: Callable[[str], int] = lambda path: 0,
        render: Callable = plain_error,
    ):
        self._name, self._host, self._port = name, host, port
        self._application, self._threads = application, threads
        self.limits, self.largest_body, self.render = limits, largest_body, render
        self._tls = TLS(*tls_files) if tls_files else None
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._log_failure)
        self.journal = web_limits.Journal(name)
        self.bodies = web_limits.Budget(limits.bodies)
        self._unsent = 0
        self.is_closing = False
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        self._socket: Any = None
        self._running: list[threading.Thread] = []

    @property
    def is_tls(self) -> bool:
        """Whether it speaks HTTPS."""
        return self._tls is not None

    @property
    def url(self) -> str:
        """The URL that the server listens on."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    def start(self):
        """Listen, and serve from now on; raise CannotListen."""
        self._socket = self._listen()
        self._port = self._socket.getsockname()[1]
        self._granted = web_limits.DESCRIPTORS.grant(self.limits.connections)
        self.places = web_limits.Places(self.limits, self._granted)
        self.environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": self._host,
            "SERVER_PORT": str(self._port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self._tls else "http",
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        } | ({"HTTPS": "on"} if self._tls else {})
        self._resume_accepting()
        self.loop.call_later(SWEEP, self._sweep)
        targets = [self.loop.run_forever, *[self._answer] * self._threads]
        self._running = [threading.Thread(target=each, name=self._name, daemon=True) for each in targets]
        for thread in self._running:
            thread.start()
        LOG.info("%s: serving %s", self._name, self.url)

    def stop(self):
        """Let clients learn that their connection ends, answer what is being worked on, and listen no more."""
        if self._running:
            asyncio.run_coroutine_threadsafe(self._drain(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            for _ in range(self._threads):
                self._tasks.put(None)
            until = time.monotonic() + JOIN
            for thread in self._running:
                thread.join(max(0, until - time.monotonic()))
            self._running.clear()
            web_limits.DESCRIPTORS.give_back(self._granted)
        if not self.loop.is_running():
            self.loop.close()

    def reload(self):
        """Read the files of the certificate again; any thread may do so."""
        if self._tls:
            self._tls.reload()

    def work(self, exchange: web_exchange.Exchange):
        """Have an exchange answered by a worker thread."""
        self._tasks.put(exchange)

    def _answer(self):
        """Answer exchanges until None comes; runs in a worker thread."""
        while exchange := self._tasks.get():
            exchange.run(self._application)
            del exchange

    def _listen(self):
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            dual = self._host == "::" and socket.has_dualstack_ipv6()
            listener = socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=dual)
        except OSError as error:
            reason = error.strerror or str(error)
            raise errors.CannotListen(address=f"{self._host}:{self._port}", reason=reason) from None
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return listener

    # What follows belongs to the thread of the loop.

    def _resume_accepting(self):
        if not self.is_closing:
            self.loop.add_reader(self._socket, self._accept)

    def _accept(self):
        """Accept connections that wait, but let others be served in between."""
        for _ in range(max(1, self._granted // ACCEPTED_SHARE)):
            try:
                connection, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # mostly no descriptor is left
                self.journal.note("cannot accept a connection:", error.strerror)
                self._make_room("")
                self.loop.remove_reader(self._socket)
                self.loop.call_later(PAUSE, self._resume_accepting)
                return
            self._open(connection, *address[:2])

    def _open(self, connection, address, port):
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            # asyncio does so only for sockets that name their protocol. Without it each response over a new TLS
            # connection waited 40 ms for the client's delayed acknowledgement of the session tickets.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._make_room(address)
        except LookupError:
            self.journal.note("too many requests are being worked on; refused a connection from", address)
            connection.close()
            return
        protocol = web_connection.Connection(self, address, port)
        self.places.put(protocol, web_limits.FRESH)
        opening = protocol.opening = self.loop.create_task(self._open_transport(connection, protocol))
        opening.add_done_callback(lambda task: self._opened(task, connection, protocol))

    def _make_room(self, address):
        if victim := self.places.make_room(address):
            self.journal.note("too many connections; closed one of", victim.address)
            victim.abort()

    async def _open_transport(self, connection, protocol):
        tls = {}
        if self._tls:
            tls = {
                "ssl": self._tls.context,
                "ssl_handshake_timeout": self.limits.handshake,
                "ssl_shutdown_timeout": self.limits.linger,
            }
        await self.loop.connect_accepted_socket(lambda: protocol, connection, **tls)

    def _opened(self, task, connection, protocol):
        if task.cancelled() or task.exception():
            self.places.remove(protocol)
            connection.close()
        if not task.cancelled() and isinstance(error := task.exception(), OSError):
            self.journal.note("no TLS with", f"{protocol.address}: {error}")

    def _sweep(self):
        now = time.monotonic()
        for connection in self.places:
            connection.check(now)
        self.loop.call_later(SWEEP, self._sweep)

    def add_unsent(self, number: int):
        """Count bytes of responses that wait for their clients; close the longest waiting where they are too many."""
        self._unsent += number
        while self._unsent > self.limits.unsent and (waiting := self.places.of(web_limits.SENDING)):
            self.journal.note("too much waits to be read; closed a connection of", waiting[0].address)
            waiting[0].abort()

    async def _drain(self):
        self.is_closing = True
        self.loop.remove_reader(self._socket)
        self._accept_last()
        self._socket.close()
        await self._wait(self.limits.goodbye, *web_limits.KINDS)
        for connection in self.places:
            connection.end()
        await self._wait(self.limits.receive, web_limits.RECEIVING)
        await self._wait(self.limits.drain, web_limits.BUSY, web_limits.SENDING)
        for connection in self.places:
            connection.abort()
        await asyncio.sleep(0)

    def _accept_last(self):
        with contextlib.suppress(OSError):
            while True:
                connection, address = self._socket.accept()
                self._open(connection, *address[:2])

    async def _wait(self, seconds, *kinds):
        """Wait until no connection is left, or only others than of these kinds, for some seconds."""
        until = time.monotonic() + seconds
        while self.places.of(*kinds) and time.monotonic() < until:
            await asyncio.sleep(POLL)

    def _log_failure(self, loop, failure):
        error = failure.get("exception")
        if isinstance(error, OSError):
            self.journal.note("a connection failed:", error)
        else:
            LOG.error("%s: %s", self._name, failure["message"], exc_info=error)


class TLS:
    """A certificate chain and its key, in files that can be read again."""

    def __init__(self, certificate: str, key: str):
        self._files = certificate, key
        self.context = self._read()

    def reload(self):
        """Read the files again, for new connections; if they cannot be used all stays as it is."""
        try:
            self.context = self._read()
        except errors.TLSUnusable as error:
            LOG.error("the certificate stays as it is: %s", error.detail)

    def _read(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate, key = self._files
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ValueError) as error:
            raise errors.TLSUnusable(
                files=f"{certificate}, {key or certificate}", reason=str(error)
            ) from None
        return context
