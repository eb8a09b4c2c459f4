# SPDX-License-Identifier: Apache-2.0
"""HTTP to one pod manager: kept-alive connections, one TLS context, and an end to every answer."""

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
import warnings
import weakref

import urllib3
from urllib3 import connection
from urllib3 import connectionpool

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
    ``sending`` is a Sending. OSError says that the file of authorities cannot be used.
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
        context = trusting(verify_ca, tls)
        made = _TLSPool(paths.host, paths.port, ssl_context=context, cert_reqs=context.verify_mode, **limits)
    most_bytes = options.max_document_kib * 1024
    made.sending = Sending()
    made.ConnectionCls = functools.partial(
        made.ConnectionCls, most_bytes=most_bytes, interruption=interruption, sending=made.sending
    )
    return made


def trusting(verify_ca: str, tls: str = "auto") -> ssl.SSLContext:
    """Return the TLS context for ``verify_ca`` and ``tls`` of a pod manager as they are now; raise OSError."""
    return tls_context(verify_ca, _modified(verify_ca), tls)


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
        """Wake whoever reads; the socket's own method would take the TLS layer away from below its reader."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self):
        self._raw.close()
        super().close()


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
