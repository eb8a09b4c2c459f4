# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of every port: API, introspection, events of hardware and metrics.

An event loop in a thread of its own reads requests and writes responses, TLS included, with deadlines and limits; a
worker thread is taken only while the WSGI application runs. Slow clients hold connections, of which there are enough,
and nothing else.
"""

import asyncio
import collections
import contextlib
import logging
import socket
import ssl
import threading
import time
import typing
from collections.abc import Callable

from valence.common import errors
from valence.common.web import http_connection
from valence.common.web import http_exchange
from valence.common.web import http_limits

LOG = logging.getLogger(__name__)

Limits = http_limits.Limits
LOOPBACK = http_limits.LOOPBACK

#: connections that wait to be accepted
BACKLOG = 1024
#: connections that are accepted in one turn of the event loop, and at most this share of all: a client that has just
#: connected must be able to send its request before as many others take all places
ACCEPTED, ACCEPTED_SHARE = 32, 16
#: handshakes of TLS that begin in one turn of the event loop: each takes a millisecond of its thread or more
HANDSHAKES = 4
#: bytes that the kernel keeps of a response that is not read
SEND_BUFFER = 128 * 1024
#: seconds between two looks at the deadlines, at the work that is left when the server stops, and after a failed accept
SWEEP, POLL, PAUSE = 0.5, 0.02, 0.1
#: seconds that the threads get to end
JOIN = 5


def plain_error(error: errors.ValenceError, request_id: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of an error, as text."""
    problems = "".join(f"{problem['detail']} {problem['hint']}\n" for problem in error.problems)
    return [("Content-Type", "text/plain; charset=utf-8")], problems.encode()


class Server:
    """Serves a WSGI application at ``host`` and ``port``, 0 being a free one; ``url`` is known once it is started.

    ``tls_files`` are the files (PEM) of a certificate chain and its key: with them it speaks HTTPS.
    ``largest_body(path)`` returns the most bytes of a body that the application reads at a path; of a larger one it
    gets the Content-Length and no data, of a larger one in chunks one byte more than this.
    ``render(error, request_id)`` returns headers and body of the errors that the server answers itself.
    ``turns`` are the requests that use the processor at the same time, by default one for each thread; the addresses
    that they come from, as ``client(environ)`` tells, take turns.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        application: Callable[..., typing.Any],
        *,
        threads: int = 2,
        turns: int | None = None,
        tls_files: tuple[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - it cannot be changed
        largest_body: Callable[[str], int] = lambda path: 0,
        render: Callable[..., typing.Any] = plain_error,
        client: Callable[[dict[str, typing.Any]], str] = lambda environ: environ["REMOTE_ADDR"],
    ) -> None:
        self._name, self._host, self._port = name, host, port
        self._application, self._threads = application, threads
        self.limits, self.largest_body, self.render = limits, largest_body, render
        self._queue, self._client = http_limits.FairQueue(turns or threads), client
        self._is_relieving = False
        self._tls = TLS(*tls_files) if tls_files else None
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._log_failure)
        self.journal = http_limits.Journal(name)
        self.bodies = http_limits.Budget(limits.bodies)
        self._unsent = 0
        self._handshakes: collections.deque[asyncio.Future[None]] = collections.deque()
        self.is_closing = False
        self._socket: typing.Any = None
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

    def start(self) -> None:
        """Listen, and serve from now on; raise CannotListen."""
        self._socket = self._listen()
        self._port = self._socket.getsockname()[1]
        self._granted = http_limits.DESCRIPTORS.grant(self.limits.connections)
        self.places = http_limits.Places(self.limits, self._granted)
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

    def stop(self) -> None:
        """Let clients learn that their connection ends, answer what is being worked on, and listen no more."""
        if self._running:
            asyncio.run_coroutine_threadsafe(self._drain(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._queue.close()
            until = time.monotonic() + JOIN
            for thread in self._running:
                thread.join(max(0, until - time.monotonic()))
            self._running.clear()
            http_limits.DESCRIPTORS.give_back(self._granted)
        if not self.loop.is_running():
            self.loop.close()

    def reload(self) -> None:
        """Read the files of the certificate again; any thread may do so."""
        if self._tls:
            self._tls.reload()

    def _answer(self) -> None:
        """Answer exchanges until None comes; runs in a worker thread."""
        while exchange := self._queue.get():
            exchange.run(self._application)
            del exchange

    def _listen(self) -> socket.socket:
        listener = _bound(self._host, self._port)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return listener

    # What follows belongs to the thread of the loop.

    def work(self, exchange: http_exchange.Exchange) -> None:
        """Have an exchange answered by a worker thread."""
        self._queue.put(exchange, self._address(exchange))
        if not self._is_relieving:
            self._is_relieving = True
            self.loop.call_later(http_limits.TURN, self._relieve)

    def withdraw(self, exchange: http_exchange.Exchange) -> bool:
        """Forget an exchange that no thread has begun with; return False if one has."""
        return self._queue.discard(exchange, self._address(exchange))

    def _address(self, exchange: http_exchange.Exchange) -> str:
        """Return what counts as the one address that an exchange comes from."""
        return http_limits.network(self._client(exchange.request.environ))

    def _relieve(self) -> None:
        self._is_relieving = self._queue.relieve()
        if self._is_relieving:
            self.loop.call_later(http_limits.TURN, self._relieve)

    def _resume_accepting(self) -> None:
        if not self.is_closing:
            self.loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        """Accept connections that wait, but let others be served in between."""
        for _ in range(max(1, min(ACCEPTED, self._granted // ACCEPTED_SHARE))):
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

    def _open(self, connection: socket.socket, address: str, port: int) -> None:
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
        protocol = http_connection.Connection(self, address, port)
        self.places.put(protocol, http_limits.FRESH)
        opening = protocol.opening = self.loop.create_task(self._open_transport(connection, protocol))
        opening.add_done_callback(lambda task: self._opened(task, connection, protocol))

    def _make_room(self, address: str) -> None:
        if victim := self.places.make_room(address):
            self.journal.note("too many connections; closed one of", victim.address)
            victim.abort()

    async def _open_transport(self, connection: socket.socket, protocol: http_connection.Connection) -> None:
        tls: dict[str, typing.Any] = {}
        if self._tls:
            await self._first_byte(connection)
            await self._handshake_turn()
            tls = {
                "ssl": self._tls.context,
                "ssl_handshake_timeout": self.limits.handshake,
                "ssl_shutdown_timeout": self.limits.linger,
            }
        await self.loop.connect_accepted_socket(lambda: protocol, connection, **tls)

    async def _first_byte(self, connection: socket.socket) -> None:
        """Wait until the client sends something, because the state of TLS takes 256 KiB and the time to clear them."""
        readable = self.loop.create_future()
        self.loop.add_reader(connection, _wake, readable)
        try:
            await readable
        finally:
            self.loop.remove_reader(connection)
        if not connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError("it was closed before the handshake")

    async def _handshake_turn(self) -> None:
        """Wait for the turn of a handshake: many at once would keep the loop from everybody else."""
        turn = self.loop.create_future()
        self._handshakes.append(turn)
        if len(self._handshakes) == 1:
            self.loop.call_soon(self._begin_handshakes)
        await turn

    def _begin_handshakes(self) -> None:
        for _ in range(min(HANDSHAKES, len(self._handshakes))):
            turn = self._handshakes.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._handshakes:
            self.loop.call_soon(self._begin_handshakes)

    def _opened(
        self, task: asyncio.Task[None], connection: socket.socket, protocol: http_connection.Connection
    ) -> None:
        if task.cancelled() or task.exception():
            self.places.remove(protocol)
            connection.close()
        if not task.cancelled() and isinstance(error := task.exception(), OSError):
            self.journal.note("no TLS with", f"{protocol.address}: {error}")

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in self.places:
            connection.check(now)
        self.loop.call_later(SWEEP, self._sweep)

    def add_unsent(self, number: int) -> None:
        """Count bytes of responses that wait for their clients; close the longest waiting where they are too many."""
        self._unsent += number
        while self._unsent > self.limits.unsent and (waiting := self.places.of(http_limits.SENDING)):
            self.journal.note("too much waits to be read; closed a connection of", waiting[0].address)
            waiting[0].abort()

    async def _drain(self) -> None:
        self.is_closing = True
        self.loop.remove_reader(self._socket)
        self._accept_last()
        self._socket.close()
        await self._wait(self.limits.goodbye, *http_limits.KINDS)
        for connection in self.places:
            connection.end()
        await self._wait(self.limits.receive, http_limits.RECEIVING)
        await self._wait(self.limits.drain, http_limits.BUSY, http_limits.SENDING)
        for connection in self.places:
            connection.abort()
        await asyncio.sleep(0)

    def _accept_last(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, address = self._socket.accept()
                self._open(connection, *address[:2])

    async def _wait(self, seconds: float, *kinds: int) -> None:
        """Wait until no connection is left, or only others than of these kinds, for some seconds."""
        until = time.monotonic() + seconds
        while self.places.of(*kinds) and time.monotonic() < until:
            await asyncio.sleep(POLL)

    def _log_failure(self, loop: asyncio.AbstractEventLoop, failure: dict[str, typing.Any]) -> None:
        error = failure.get("exception")
        if isinstance(error, OSError):
            self.journal.note("a connection failed:", error)
        else:
            LOG.error("%s: %s", self._name, failure["message"], exc_info=error)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class TLS:
    """A certificate chain and its key, in files that can be read again."""

    def __init__(self, certificate: str, key: str) -> None:
        self._files = certificate, key
        self.context = self._read()

    def reload(self) -> None:
        """Read the files again, for new connections; if they cannot be used all stays as it is."""
        try:
            self.context = self._read()
        except errors.TLSUnusable as error:
            LOG.error("the certificate stays as it is: %s", error.detail)

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate, key = self._files
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ValueError) as error:
            raise errors.TLSUnusable(
                files=f"{certificate}, {key or certificate}", reason=str(error)
            ) from None
        return context


def require_port(host: str, port: int) -> None:
    """Raise CannotListen where a port cannot be had now, before a process starts what takes long."""
    _bound(host, port).close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        dual = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        reason = error.strerror or str(error)
        raise errors.CannotListen(address=f"{host}:{port}", reason=reason) from None
