# SPDX-License-Identifier: Apache-2.0
"""Who asks: the strategies noauth, http_basic and keystone. Each makes the context of a request from its headers."""

import functools
import hashlib
import ipaddress
import logging
import os
import re
import secrets
import threading

import cachetools
import webob
from oslo_context import context as oslo_context
from oslo_middleware import basic_auth
from oslo_middleware import exceptions

from valence.api import proxies
from valence.common import context
from valence.common import errors

LOG = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: seconds for which a checked password is remembered: bcrypt takes 50 ms and more, on purpose
REMEMBERED = 60
REMEMBERED_MOST = 1000


def request_id(http):
    """Return the request id that the client sent, or a new one if it sent none, or one of another form."""
    given = http.headers.get("X-OpenStack-Request-ID", "")
    return given if REQUEST_ID.fullmatch(given) else oslo_context.generate_request_id()


@functools.lru_cache(1024)
def is_loopback(address):
    """Return whether only this machine reaches ``address``, an IP address or "localhost"."""
    if address in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Noauth:
    """Everybody is an administrator; without [api] noauth_everywhere only everybody on this machine."""

    challenge = None

    def __init__(self, conf):
        self._everywhere = conf.api.noauth_everywhere
        if not (self._everywhere or is_loopback(conf.api.host)):
            reason = f"Without authentication, everybody who reaches {conf.api.host} controls the hardware."
            raise errors.InsecureConfiguration(reason=reason)

    def wrap(self, application):
        """Return the WSGI application unchanged."""
        return application

    def context(self, http):
        """Return the context of a request."""
        if not (self._everywhere or is_loopback(http.remote_addr or "")):
            raise errors.Forbidden(rule="noauth, which serves loopback alone,")
        if not self._everywhere and http.environ.get(proxies.UNTRUSTED):
            raise errors.Forbidden(rule="noauth, which serves no proxy outside of [api] trusted_proxies,")
        return context.RequestContext(request_id=request_id(http), roles=["admin", "member", "reader"])


class HTTPBasic:
    """Users of an htpasswd file; those of [api] http_basic_admins are administrators, all others readers."""

    challenge = 'Basic realm="valence", charset="UTF-8"'

    def __init__(self, conf):
        self._file = conf.api.http_basic_auth_user_file
        self._admins = frozenset(conf.api.http_basic_admins)
        self._salt = secrets.token_bytes(16)
        self._known = cachetools.TTLCache(REMEMBERED_MOST, REMEMBERED)
        self._lock = threading.Lock()
        self._check_file()

    def wrap(self, application):
        """Return the WSGI application unchanged."""
        return application

    def context(self, http):
        """Return the context of a request; one without credentials is nobody's."""
        if "Authorization" not in http.headers:
            return context.RequestContext(request_id=request_id(http))
        name = self._user(http.headers["Authorization"])
        roles = ["admin", "member", "reader"] if name in self._admins else ["reader"]
        return context.RequestContext(request_id=request_id(http), user_id=name, user_name=name, roles=roles)

    def _user(self, header):
        """Return the user that a header proves to be; the proof is remembered, as a salted digest, for a minute."""
        changed = str(self._changed_at())
        key = hashlib.blake2b(header.encode() + changed.encode(), key=self._salt).digest()
        with self._lock:
            name = self._known.get(key)
        if name is None:
            name = self._prove(header)
            with self._lock:
                self._known[key] = name
        return name

    def _check_file(self):
        try:
            basic_auth.validate_auth_file(self._file)
        except exceptions.ConfigInvalid:
            raise errors.UsersUnusable(file=self._file, reason="it cannot be read") from None
        except webob.exc.HTTPException as failure:
            raise errors.UsersUnusable(file=self._file, reason=failure.detail) from None

    def _changed_at(self):
        try:
            return os.stat(self._file).st_mtime_ns
        except OSError as failure:
            raise errors.UsersUnusable(file=self._file, reason=failure.strerror) from None

    def _prove(self, header):
        try:
            token = basic_auth.parse_header({"HTTP_AUTHORIZATION": header})
            name, password = basic_auth.parse_token(token)
            return basic_auth.authenticate(self._file, name, password)["HTTP_X_USER"]
        except (webob.exc.HTTPException, ValueError):  # bcrypt refuses passwords of more than 72 bytes
            raise errors.Unauthorized(reason="the user name or the password is wrong") from None


def _keystone(conf):
    from valence.api import keystone  # noqa: PLC0415  only who chooses it needs its libraries

    return keystone.Keystone(conf)


STRATEGIES = {"noauth": Noauth, "http_basic": HTTPBasic, "keystone": _keystone}


def strategy(conf):
    """Return the strategy that ``conf`` names; raise InsecureConfiguration if it would be unsafe."""
    return STRATEGIES[conf.auth_strategy](conf)
