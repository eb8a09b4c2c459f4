# SPDX-License-Identifier: Apache-2.0
"""One HTTP connection: requests are read and responses are written by the event loop, with deadlines.

llhttp parses. A request becomes an Exchange, and goes to a worker thread, when its body is complete. Methods belong to
the event loop's thread unless they say otherwise.
"""

import asyncio
import collections
import contextlib
import math
import time
import typing

import httptools
from oslo_context import context

from valence.common import errors
from valence.common.web import http_exchange
from valence.common.web import http_limits

#: complete requests that a client may send ahead on one connection
PIPELINED = 16
#: what chunks may add to a body, for each of its bytes
CHUNK_OVERHEAD = 6
#: most bytes of a refused body that are read so that its sender sees why
LINGER_BYTES = 16 * 1024 * 1024

#: what a connection is doing: see ``_stage``
HANDSHAKE, IDLE, HEAD, BODY, CLOSING, LINGERING = range(6)


class Transfer:
    """Bytes that have to move at a least rate."""

    def __init__(self, limits: http_limits.Limits, now: float) -> None:
        self._limits, self._began = limits, now
        self.bytes = 0

    @property
    def deadline(self) -> float:
        """When it is too slow if nothing more moves."""
        limits = self._limits
        return self._began + min(limits.transfer + self.bytes / limits.transfer_rate, limits.transfer_most)


class Connection(asyncio.Protocol):
    """A connection of ``server`` from ``address``."""

    def __init__(self, server: typing.Any, address: str, port: int) -> None:
        self.address = address
        self._server, self._limits, self._loop = server, server.limits, server.loop
        self._base = server.environ | {"REMOTE_ADDR": address, "REMOTE_PORT": str(port)}
        self._transport: typing.Any = None
        self._parser: typing.Any = httptools.HttpRequestParser(self)
        self._stage, self._deadline = HANDSHAKE, time.monotonic() + self._limits.handshake
        #: the handshake of TLS, to cancel
        self.opening: asyncio.Task[None] | None = None
        # The request that is received, complete ones or refusals in their order, and the one that is worked on.
        self._target, self._size = b"", 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._request: typing.Any = None
        self._transfer: typing.Any = None
        self._complete: collections.deque[typing.Any] = collections.deque()
        self._exchange: typing.Any = None
        # Data that came while a request was worked on; whether no request is read after those that are complete.
        self._early: list[bytes] = []
        self._is_last = False
        self._unsent: Transfer | None = None
        self._written = 0
        #: until when, and how many bytes, are read of a refused body
        self._lingered = 0.0, 0

    # What the event loop tells.

    def connection_made(self, transport: typing.Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=0)
        self.opening = None
        self._wait_for(IDLE, self._limits.idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.places.remove(self)
        self._forget_unsent()
        for request in (self._request, *self._complete):
            if isinstance(request, http_exchange.Request):
                self._free(request)
        self._complete.clear()
        if self._exchange:
            self._exchange.gone()
            if self._server.withdraw(self._exchange):
                self._free(self._exchange.request)
            self._exchange = None
        self._parser = self._transport = None

    def eof_received(self) -> bool:
        """Let a client that closed its side have its answer, unless that is a stream."""
        self._is_last = True
        waits = (self._exchange and not self._exchange.streams) or self._complete
        return bool(waits) and not self._server.is_tls

    def data_received(self, data: bytes) -> None:
        if self._stage == LINGERING:
            self._discard(data)
        elif self._exchange or self._unsent:
            self._early.append(data)
            self._transport.pause_reading()
        elif self._stage != CLOSING:
            self._feed(data)

    @property
    def received(self) -> int:
        """How many bytes of the present body have come."""
        return self._request.length if self._request else 0

    def pause_writing(self) -> None:
        """Note that the client does not take what is sent to it."""
        self._unsent = Transfer(self._limits, time.monotonic())
        self._deadline = self._unsent.deadline
        self._written = self._transport.get_write_buffer_size()
        self._server.add_unsent(self._written)

    def resume_writing(self) -> None:
        self._forget_unsent()
        if self._stage == LINGERING:
            self._deadline = time.monotonic() + self._limits.linger_silence
        elif self._exchange:
            self._deadline = math.inf
            self._exchange.writable(True)
        elif self._stage != CLOSING:
            self._go_on()

    def _forget_unsent(self) -> None:
        if self._unsent:
            self._server.add_unsent(-self._written)
            self._unsent, self._written = None, 0

    # Deadlines and limits.

    def check(self, now: float) -> None:
        """End the connection if it is too slow."""
        if now < self._deadline:
            return
        transfer = self._unsent or (self._stage == BODY and not self._exchange and self._transfer)
        if self._unsent and self._transport:
            self._unsent.bytes = self._written - self._transport.get_write_buffer_size()
        if transfer and transfer.deadline > now:
            self._deadline = transfer.deadline
        else:
            self._expire()

    def _expire(self) -> None:
        journal = self._server.journal
        if self._stage == HANDSHAKE:
            journal.note("no TLS in time with", self.address)
            self.abort()
        elif self._stage == LINGERING or self._unsent or self._stage == CLOSING:
            if self._unsent:
                journal.note("a response was not read in time by", self.address)
            self.abort()
        elif self._stage == IDLE:
            self._shut()
        else:
            journal.note("a request was not complete in time from", self.address)
            part = "head" if self._stage == HEAD else "body"
            self._refuse(
                http_exchange.BadHTTP(status=408, reason=f"The {part} of the request came too slowly.")
            )

    def abort(self) -> None:
        """Close at once; nothing is sent any more."""
        self._server.places.remove(self)
        if self._transport:
            self._transport.abort()
        elif self.opening:
            self.opening.cancel()

    def end(self) -> None:
        """Close, unless a request is received, worked on or answered."""
        self._is_last = True
        if self._stage in (HANDSHAKE, IDLE) and not self._exchange and not self._unsent:
            self.abort() if self._stage == HANDSHAKE else self._shut()

    def _wait_for(self, stage: int, seconds: float) -> None:
        self._stage, self._deadline = stage, time.monotonic() + seconds

    # Requests: what the parser tells.

    def _feed(self, data: bytes) -> None:
        if self._stage == IDLE:
            self._wait_for(HEAD, self._limits.head)
        self._size += len(data)
        try:
            self._parser.feed_data(data)
            self._check_size()
        except httptools.HttpParserUpgrade:  # to another protocol, which is ignored
            self._is_last = True
        except httptools.HttpParserCallbackError as error:
            self._stop_parsing(error.__context__)
        except httptools.HttpParserError as error:
            if not self._is_last:
                self._stop_parsing(_broken(str(error)))
        except http_exchange.Refusal as refusal:
            self._stop_parsing(refusal)
        self._work()

    def _stop_parsing(self, cause: typing.Any) -> None:
        self._is_last = True
        if isinstance(cause, http_exchange.Refusal):
            self._complete.append(cause)
        elif not isinstance(cause, StopParsing):
            raise cause

    def on_message_begin(self) -> None:
        if self._is_last or len(self._complete) >= PIPELINED:
            raise StopParsing
        self._stage = HEAD
        self._target, self._headers, self._request = b"", [], None

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > self._limits.head_bytes:
            raise http_exchange.refusal(414, "The request target is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage == HEAD:  # not a trailer
            self._headers.append((name, value))
            if len(self._headers) > self._limits.headers:
                raise http_exchange.refusal(431, f"There are more than {self._limits.headers} headers.")

    def on_headers_complete(self) -> None:
        parser = self._parser
        if sum(len(name) + len(value) for name, value in self._headers) > self._limits.head_bytes:
            raise self._too_long()
        self._request = request = http_exchange.Request(
            self._base,
            parser.get_method().decode("latin-1"),
            self._target,
            parser.get_http_version(),
            self._headers,
        )
        self._stage, self._size = BODY, 0
        self._server.places.put(self, http_limits.RECEIVING)
        self._transfer = Transfer(self._limits, time.monotonic())
        self._deadline = self._transfer.deadline
        if (request.announced or 0) > self._server.largest_body(request.path):
            self._cut()
        elif request.expects_continue and not self._complete and not self._exchange:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        request = self._request
        if request.cut:
            return
        room = self._server.largest_body(request.path) + 1 - request.length
        if not self._server.bodies.take(min(len(body), room)):
            self._server.journal.note("bodies take all the room for them; refused one from", self.address)
            raise http_exchange.Refusal(errors.Unavailable(reason="Too many bodies are being received."))
        request.add(body[:room], self._limits.body_memory)
        self._transfer.bytes += len(body)
        if len(body) >= room:
            self._cut()

    def on_message_complete(self) -> None:
        request = self._request
        if not request.cut:
            request.keep_alive = request.version == "1.1" and self._parser.should_keep_alive()
            self._is_last = self._is_last or not request.keep_alive
            self._complete.append(request)
        self._request, self._stage, self._size = None, IDLE, 0

    def _cut(self) -> None:
        """Have the request answered without the rest of its body, which is too large."""
        self._request.cut = self._is_last = True
        self._complete.append(self._request)

    def _check_size(self) -> None:
        """Raise a Refusal if more was sent for a head, or around a body, than there may be."""
        if self._stage == HEAD and self._size > self._limits.head_bytes:
            raise self._too_long()
        if self._stage == BODY and not self._request.cut:
            most = self._request.length * CHUNK_OVERHEAD + self._limits.head_bytes
            if self._size - self._request.length > most:
                raise http_exchange.refusal(400, "The chunks of the body have too much around them.")

    def _too_long(self) -> http_exchange.Refusal:
        if len(self._target) > self._limits.head_bytes // 2:
            return http_exchange.refusal(414, "The request target is too long.")
        return http_exchange.refusal(431, f"The headers take more than {self._limits.head_bytes} bytes.")

    # Exchanges.

    def _work(self) -> None:
        """Begin with the next complete request, or wait for more data."""
        if self._exchange or self._unsent or not self._complete:
            return
        request = self._complete.popleft()
        if isinstance(request, http_exchange.Refusal):
            self._refuse(request.error)
            return
        self._deadline = math.inf
        self._server.places.put(self, http_limits.BUSY)
        self._exchange = http_exchange.Exchange(self, request, time.monotonic() + self._limits.queue)
        self._server.work(self._exchange)

    def may_keep(self, request: http_exchange.Request) -> bool:
        """Tell whether another request may follow; any thread may ask."""
        return request.keep_alive and not request.cut and not self._server.is_closing

    def send_soon(
        self, exchange: http_exchange.Exchange, data: bytes, *, last: bool = False, keep: bool = False
    ) -> None:
        """Send a part of the response to a request; any thread may do so."""
        self._soon(self._send, exchange, data, last, keep)

    def refuse_soon(self, exchange: http_exchange.Exchange, error: errors.ValenceError | None) -> None:
        """Answer a request with an error, None if that is too late; any thread may do so."""
        self._soon(self._fail, exchange, error)

    def _soon(self, *call: typing.Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server was stopped before the application ended
            self._loop.call_soon_threadsafe(*call)

    def _send(self, exchange: http_exchange.Exchange, data: bytes, last: bool, keep: bool) -> None:
        if exchange is not self._exchange:
            self._free(exchange.request)
            return
        self._transport.write(data)
        if last:
            self._finish(keep)
        elif not self._unsent:
            exchange.writable(True)

    def _fail(self, exchange: http_exchange.Exchange, error: errors.ValenceError | None) -> None:
        if exchange is not self._exchange:
            self._free(exchange.request)
        elif error is None:
            self.abort()
        else:
            self._end_exchange()
            self._refuse(error)

    def _end_exchange(self) -> http_exchange.Request:
        request: http_exchange.Request = self._exchange.request
        self._exchange = None
        self._free(request)
        return request

    def _free(self, request: http_exchange.Request) -> None:
        request.close()
        self._server.bodies.give_back(request.length)
        request.length = 0

    def _finish(self, keep: bool) -> None:
        """Go on after a response."""
        request = self._end_exchange()
        if request.cut:
            self._linger()
        elif not keep:
            self._shut()
        elif self._unsent:
            self._server.places.put(self, http_limits.SENDING)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Read on after a response that was sent."""
        self._server.places.put(self, http_limits.IDLE if self._stage == IDLE else http_limits.RECEIVING)
        if self._complete:
            self._work()
        elif self._is_last and self._stage == IDLE:
            self._linger() if self._early else self._shut()
        elif self._early:
            early, self._early = b"".join(self._early), []
            self._transport.resume_reading()
            self._feed(early)
        else:
            self._continue_waiting()

    def _continue_waiting(self) -> None:
        if self._stage == BODY:
            self._transfer = Transfer(self._limits, time.monotonic())
            self._deadline = self._transfer.deadline
        else:
            self._wait_for(self._stage, self._limits.idle if self._stage == IDLE else self._limits.head)

    def _refuse(self, error: errors.ValenceError) -> None:
        """Answer with an error instead of the application, and read no further request."""
        request_id = context.generate_request_id()
        headers, body = self._server.render(error, request_id)
        headers = [*headers, ("Content-Length", str(len(body))), ("X-OpenStack-Request-ID", request_id)]
        self._transport.write(
            http_exchange.head(http_exchange.status_line(error), headers, keep=False) + body
        )
        self._linger()

    # The end.

    def _linger(self) -> None:
        """Read what is still sent for a while: closing would cut the response off from who has not read it."""
        if self._transport.is_closing():
            return
        self._stage = LINGERING
        self._server.places.put(self, http_limits.SENDING)
        self._early.clear()
        self._transport.resume_reading()
        self._lingered = time.monotonic() + self._limits.linger, LINGER_BYTES
        if not self._unsent:
            self._deadline = time.monotonic() + self._limits.linger_silence
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _discard(self, data: bytes) -> None:
        until, left = self._lingered
        left -= len(data)
        self._lingered = until, left
        if left < 0:
            self.abort()
        elif not self._unsent:
            self._deadline = min(until, time.monotonic() + self._limits.linger_silence)

    def _shut(self) -> None:
        """Close when all is sent."""
        self._stage = CLOSING
        self._server.places.put(self, http_limits.SENDING)
        if not self._unsent:
            self._deadline = time.monotonic() + self._limits.linger
        self._transport.close()


class StopParsing(Exception):
    """Raised to the parser when no further request is read."""


def _broken(reason: str) -> http_exchange.Refusal:
    """Return the Refusal for what llhttp found; its reasons are constants."""
    status = 505 if reason == "Invalid HTTP version" else 400
    return http_exchange.refusal(status, f"The request is not HTTP/1.1 as it should be: {reason}.")
