# SPDX-License-Identifier: Apache-2.0
"""HTTP to one pod manager: kept-alive connections, one TLS context, an end to every answer, and streams of events."""

import contextlib
import functools
import http.client
import io
import os
import socket
import ssl
import threading
import time
import typing
import urllib.parse
import warnings
import weakref

import urllib3
from urllib3 import connection
from urllib3 import connectionpool

from valence.common import errors
from valence.podmanagers.redfish.http import failures

#: room for the head of an answer, and what is read from a socket at once
_BUFFER = 65536
#: ciphers that OpenSSL has by default; Python leaves out those without forward secrecy and with SHA-1
_OLDER_CIPHERS = "DEFAULT:@SECLEVEL=1"
_ALL_CIPHERS = "ALL:!aNULL:!eNULL:@SECLEVEL=0"
#: ssl.OP_LEGACY_SERVER_CONNECT, which Python knows from 3.12 on
_LEGACY_RENEGOTIATION = 0x4


def pool(paths, options, verify_ca, interruption, tls="auto"):
    """Return a pool of connections to the host of ``paths`` with the limits of ``options`` ([redfish]).

    There is one connection more than a crawl uses, so that a live read need not wait for the crawl.
    ``read_timeout`` bounds the whole answer, however it trickles in; ``interruption`` ends it from outside. The pool's
    ``sending`` is a Sending. Raise PodManagerUnreachable where the file of authorities cannot be used.
    """
    limits = {
        "timeout": urllib3.Timeout(connect=options.connect_timeout, read=options.read_timeout),
        "maxsize": max(options.concurrency, options.max_concurrency) + 1,
        "block": True,
        "retries": False,
    }
    if paths.scheme == "http":
        made = _Pool(paths.host, paths.port, **limits)
    else:
        context = trusting(paths, verify_ca, tls)
        made = _TLSPool(paths.host, paths.port, ssl_context=context, cert_reqs=context.verify_mode, **limits)
    most_bytes = options.max_document_kib * 1024
    made.sending = Sending()
    made.ConnectionCls = functools.partial(
        made.ConnectionCls, most_bytes=most_bytes, interruption=interruption, sending=made.sending
    )
    return made


def trusting(paths, verify_ca: str, tls: str = "auto") -> ssl.SSLContext:
    """Return the TLS context for ``verify_ca`` and ``tls`` of a pod manager as they are now."""
    try:
        return tls_context(verify_ca, _modified(verify_ca), tls)
    except OSError as error:  # ssl.SSLError is one
        reason = f"the file of authorities {verify_ca} cannot be used ({type(error).__name__})"
        raise errors.PodManagerUnreachable(url=paths.url, reason=reason) from None


@functools.lru_cache(maxsize=64)
def tls_context(verify_ca, modified, tls="auto"):
    """Return the TLS context for ``verify_ca`` and ``tls``; all pod managers with the same values share it.

    Making one costs 20 ms. ``modified`` is the time of change of a file of authorities: a new file, a new context.
    """
    context = ssl.create_default_context(cafile=None if verify_ca in ("true", "false") else verify_ca)
    # management controllers' certificates rarely keep to RFC 5280, and a file may hold just the controller's own
    context.verify_flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    if verify_ca == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # whoever chose it knows
    if tls == "legacy":
        _allow_legacy(context)
    elif tls == "auto" and verify_ca == "false":
        context.set_ciphers(_OLDER_CIPHERS)
    return context


def _allow_legacy(context):
    """Let a context speak TLS 1.0 and 1.1, with all ciphers that prove the identity of the service."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the operator asked for what is deprecated
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers(_ALL_CIPHERS)
    context.options |= _LEGACY_RENEGOTIATION


def _modified(verify_ca):
    return None if verify_ca in ("true", "false") else os.stat(verify_ca).st_mtime_ns


class TooLarge(OSError):
    """An answer that exceeds the largest document that is read."""


class Sending(threading.local):
    """Whether bytes of this thread's last request may have left: ``began`` is set when the connection is there."""

    began = False


class Interruption:
    """The end of everything that waits for an answer: of what waits now and of what would from now on."""

    def __init__(self):
        self.happened = False
        self._readers, self._lock = weakref.WeakSet(), threading.Lock()

    def watch(self, reader):
        """Break ``reader`` off when it is time; raise ConnectionAbortedError if that was before."""
        with self._lock:
            if self.happened:
                raise ConnectionAbortedError
            self._readers.add(reader)

    def interrupt(self):
        """Break everything off."""
        with self._lock:
            self.happened = True
            readers = list(self._readers)
        for reader in readers:
            reader.break_off()


class _LimitedReader(io.RawIOBase):
    """Reads one answer from a socket until its time or its share of bytes is over, or it is broken off."""

    def __init__(self, sock, seconds, most_bytes, interruption):
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._end = time.monotonic() + seconds
        self._left = most_bytes
        interruption.watch(self)

    def readable(self):
        return True

    def readinto(self, buffer):
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        if self._left <= 0:
            raise TooLarge("too large")
        self._sock.settimeout(seconds)
        count = self._raw.readinto(buffer)
        self._left -= count
        return count

    def break_off(self):
        """Wake whoever reads."""
        shut_down(self._sock)

    def close(self):
        self._raw.close()
        super().close()


def shut_down(sock):
    """Wake whoever reads; the socket's own method would take the TLS layer away from below its reader."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _LimitedSocket(typing.NamedTuple):
    """A socket as http.client reads an answer from it."""

    sock: socket.socket
    seconds: float
    most_bytes: int
    interruption: Interruption

    def makefile(self, mode):
        return io.BufferedReader(_LimitedReader(*self), _BUFFER)


class _Limited:
    """A connection whose time-out of reading is one of the whole answer, not of each packet."""

    def __init__(self, *args, most_bytes, interruption, sending, **kwargs):
        super().__init__(*args, **kwargs)
        self._most_bytes, self._interruption, self._sending = most_bytes, interruption, sending

    def send(self, data):
        if self.sock is None:
            self.connect()
        self._sending.began = True
        super().send(data)

    def response_class(self, sock, *args, **kwargs):
        limited = _LimitedSocket(sock, self.timeout, self._most_bytes + _BUFFER, self._interruption)
        return http.client.HTTPResponse(limited, *args, **kwargs)


class _Connection(_Limited, connection.HTTPConnection):
    pass


class _TLSConnection(_Limited, connection.HTTPSConnection):
    pass


class _Pool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_EVENTS = "text/event-stream"
#: characters that a path of a stream keeps when it is sent
_IN_URLS = "/?&=%:@!$'()*+,;~-._"
_EVENT_HEADERS = {"Accept": _EVENTS, "Cache-Control": "no-cache", "OData-Version": "4.0"}
#: a stream may be silent for days; whether the other side is there is asked for after so many seconds of silence,
#: every so many seconds, so many times
_KEEP_ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
#: limits of one event; a stream that exceeds one is closed, and opened again after a pause
_EVENT_BYTES, _EVENT_LINES = 1024 * 1024, 10_000


class Stream:
    """Server-sent events of a service (DSP0266, section 13.5), on a connection of its own.

    ``close`` ends it from any thread. Raises PodManagerUnreachable and PodManagerError.
    """

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
            self._answer = self._ask(urllib.parse.quote(path, safe=_IN_URLS), _EVENT_HEADERS | credentials)
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
                    reason = f"an event has more than 1 MiB or {_EVENT_LINES} lines"
                    raise errors.PodManagerError(url=self._paths.url, reason=reason)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if not self._closed:
                raise self._failure(error) from None

    def close(self):
        """Wake whoever reads, and end."""
        self._closed = True
        if self._socket is not None:
            shut_down(self._socket)

    def release(self):
        """Give the connection back, in the thread that reads."""
        self._connection.close()

    def _problem(self):
        """Return why the answer is not a stream of events, None if it is one."""
        if self._answer.status != 200:
            return failures.status_reason(self._answer.status)
        media_type = self._answer.headers.get_content_type()
        if media_type != _EVENTS:
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
        return http.client.HTTPSConnection(**place, context=trusting(self._paths, verify_ca, tls))

    def _failure(self, error):
        limits = self._options.connect_timeout, self._options.read_timeout
        reason = failures.connection_reason(error, *limits)
        return errors.PodManagerUnreachable(url=self._paths.url, reason=reason)
