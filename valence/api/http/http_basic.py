# SPDX-License-Identifier: Apache-2.0
"""The strategy http_basic: each request has the name and password of a user of an htpasswd file.

bcrypt is slow on purpose, so a valid header is cached for a minute, concurrent requests with the same header share one
check, and few checks run or wait at the same time. Wrong passwords are counted by user and by address. The check of an
unknown user takes as long as a wrong password, so that its time does not reveal which users exist.
"""

import collections
import concurrent.futures
import contextlib
import hashlib
import logging
import math
import os
import secrets
import threading
import time
import typing

import bcrypt
import cachetools
import flask
import webob
from oslo_middleware import basic_auth

from valence.api.http import auth
from valence.common import context
from valence.common import errors
from valence.common.web import http_limits

LOG = logging.getLogger(__name__)

#: seconds for which valid credentials are cached, and how many of them
REMEMBERED, MOST_REMEMBERED = 60, 1000
#: seconds after which a stream has to authenticate again: the user may have been removed
VALID = 600
#: wrong passwords in a row, and then per PERIOD, in seconds
USER_ATTEMPTS, ADDRESS_ATTEMPTS = 10, 30
PERIOD = 60.0
#: users and addresses whose attempts are counted
MOST_COUNTED = 10_000
#: seconds that a request waits for the check of its password
PATIENCE = 2.0
#: bytes of a password that bcrypt compares
LONGEST_PASSWORD = 72
#: hash to compare with if the file has no user; no password has it
NOBODY = b"$2b$12$abcdefghijklmnopqrstuuDtp5Gqk8xw/cBVpGQ3MJ7zKk4wwsYv."
WRONG = "the user name or the password is wrong"


class HTTPBasic:
    """Users in [api] http_basic_admins are administrators, all other users are readers."""

    challenge = 'Basic realm="valence", charset="UTF-8"'

    def __init__(self, conf: typing.Any):
        self._users = Users(conf.api.http_basic_auth_user_file)
        self._admins = frozenset(conf.api.http_basic_admins)
        self._key = secrets.token_bytes(32)
        self._proven = cachetools.TTLCache(MOST_REMEMBERED, REMEMBERED)
        # Guesses of others at a user's password do not lock out a client whose header was valid before.
        self._familiar = cachetools.LRUCache(MOST_REMEMBERED)
        self._running: dict[bytes, concurrent.futures.Future] = {}
        self._lock = threading.Lock()
        self._attempts = (Buckets(USER_ATTEMPTS), Buckets(ADDRESS_ATTEMPTS))
        self._places = Places(max(1, min(4, (os.cpu_count() or 1) - 1)), max(1, conf.api.threads // 4))

    def wrap(self, application):
        """Return the WSGI application unchanged."""
        return application

    def context(self, http: flask.Request) -> context.RequestContext:
        """Return the context of a request, without user and roles if it has no credentials."""
        header = http.headers.get("Authorization")
        if header is None:
            return context.RequestContext(request_id=auth.request_id(http))
        name = self._user(header, http.remote_addr or "")
        roles = ["admin", "member", "reader"] if name in self._admins else ["reader"]
        who = context.RequestContext(
            request_id=auth.request_id(http), user_id=name, user_name=name, roles=roles
        )
        who.expires = time.monotonic() + VALID
        return who

    def _user(self, header, address):
        """Return the user of a header; concurrent requests with the same header share one check."""
        digest = hashlib.blake2b(f"{self._users.version()} {header}".encode(), key=self._key).digest()
        with self._lock:
            if (name := self._proven.get(digest)) is not None:
                return name
            running = self._running.get(digest)
            if running is None:
                mine = self._running[digest] = concurrent.futures.Future()
        return self._lead(mine, digest, header, address) if running is None else _awaited(running)

    def _lead(self, mine, digest, header, address):
        """Check a header for all requests that have it."""
        try:
            name = self._prove(digest, header, address)
        except Exception as failure:  # of any kind: other requests wait for this result
            mine.set_exception(failure)
            raise
        else:
            mine.set_result(name)
            return name
        finally:
            with self._lock:
                del self._running[digest]

    def _prove(self, digest, header, address):
        name, password = _read(header)
        users, addresses = self._attempts
        network = http_limits.network(address)
        with contextlib.ExitStack() as counted:
            if digest not in self._familiar:
                counted.enter_context(users.counting(name))
                counted.enter_context(addresses.counting(network))
            with self._places.take(network):
                is_right = self._users.check(name, password)
            if not is_right:
                LOG.warning("The sign-in of %r from %s failed", name[:100], address)
                raise errors.Unauthorized(reason=WRONG)
        with self._lock:
            self._proven[digest] = self._familiar[digest] = name
        return name


class Users:
    """The users of an htpasswd file, read again when it changes."""

    def __init__(self, file: str):
        self._file = file
        self._version, self._hashes = 0, {}
        self.version()

    def version(self) -> int:
        """Return a number that changes whenever the file does; raise UsersUnusable."""
        try:
            version = os.stat(self._file).st_mtime_ns
            if version != self._version:
                self._hashes, self._version = self._read(), version
        except OSError as failure:
            raise errors.UsersUnusable(
                file=self._file, reason=failure.strerror or "it cannot be read"
            ) from None
        return version

    def check(self, name: str, password: bytes) -> bool:
        """Return whether a user has this password, after the same time whether or not the user exists."""
        hashes = self._hashes
        known = hashes.get(name)
        try:
            fits = bcrypt.checkpw(password[:LONGEST_PASSWORD], known or _other(hashes, name))
        except ValueError:  # The hash in the file is malformed.
            return False
        return fits and known is not None and len(password) <= LONGEST_PASSWORD

    def _read(self):
        hashes = {}
        with open(self._file, encoding="utf-8") as lines:
            for entry in filter(None, map(str.strip, lines)):
                if ":" in entry:
                    hashes.setdefault(*self._parsed(entry))
        return hashes

    def _parsed(self, entry):
        try:
            return basic_auth.parse_entry(entry)
        except webob.exc.HTTPException as failure:
            raise errors.UsersUnusable(file=self._file, reason=failure.detail) from None


class Buckets:
    """Token buckets by key, each of ``number`` attempts, which refill within PERIOD seconds."""

    def __init__(self, number: int, clock: typing.Callable[[], float] = time.monotonic):
        self._number, self._clock = number, clock
        self._buckets = cachetools.LRUCache(MOST_COUNTED)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def counting(self, key: str) -> typing.Iterator[None]:
        """Count an attempt if the ``with`` block raises Unauthorized; raise TooManyRequests if none is left."""
        self._add(key, -1)
        try:
            yield
        except errors.Unauthorized:
            raise
        except BaseException:  # of any kind: the attempt is given back
            self._add(key, 1)
            raise
        self._add(key, 1)

    def _add(self, text, number):
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()  # names may be long
        with self._lock:
            now = self._clock()
            left, at = self._buckets.get(key, (self._number, now))
            left = min(self._number, left + (now - at) * self._number / PERIOD) + number
            if left < 0:
                seconds = math.ceil(-left * PERIOD / self._number)
                raise errors.TooManyRequests(reason="There were too many wrong passwords.", seconds=seconds)
            self._buckets[key] = min(self._number, left), now


class Places:
    """Runs ``number`` checks at the same time while ``waiting`` more wait; an address may have half of them."""

    def __init__(self, number: int, waiting: int, patience: float = PATIENCE):
        self._running = threading.BoundedSemaphore(number)
        self._most, self._patience = number + waiting, patience
        self._inside: collections.Counter = collections.Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def take(self, address: str) -> typing.Iterator[None]:
        """Hold a place inside a ``with`` block; raise Unavailable if none is free within ``patience`` seconds."""
        self._enter(address)
        try:
            if not self._running.acquire(timeout=self._patience):
                raise _busy()
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._leave(address)

    def _enter(self, address):
        with self._lock:
            if self._inside.total() >= self._most or self._inside[address] >= max(1, self._most // 2):
                raise _busy()
            self._inside[address] += 1

    def _leave(self, address):
        with self._lock:
            self._inside[address] -= 1
            self._inside += collections.Counter()  # drops addresses without a place


def _busy():
    return errors.Unavailable(reason="Too many passwords are being checked.")


def _awaited(running):
    try:
        return running.result(2 * PATIENCE)
    except concurrent.futures.TimeoutError:
        raise _busy() from None


def _read(header):
    """Return name and password of a header; raise Unauthorized if it is malformed."""
    try:
        token = basic_auth.parse_header({"HTTP_AUTHORIZATION": header})
        name, password = basic_auth.parse_token(token)
    except (webob.exc.HTTPException, ValueError):
        raise errors.Unauthorized(reason=WRONG) from None
    if b"\0" in password or not name.isprintable():
        raise errors.Unauthorized(reason=WRONG)
    return name, password


def _other(hashes, name):
    """Return the hash of another user, always the same for a name: it costs as much as the others in the file."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return list(hashes.values())[number % len(hashes)] if hashes else NOBODY
