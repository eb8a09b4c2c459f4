# SPDX-License-Identifier: Apache-2.0
"""Who asks: the strategies noauth, http_basic and keystone. Each makes the context of a request from its headers."""

import functools
import ipaddress
import re

from oslo_context import context as oslo_context

from valence.api import proxies
from valence.common import context
from valence.common import errors

REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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


def _http_basic(conf):
    from valence.api import http_basic  # noqa: PLC0415  only who chooses it needs its libraries

    return http_basic.HTTPBasic(conf)


def _keystone(conf):
    from valence.api import keystone  # noqa: PLC0415  only who chooses it needs its libraries

    return keystone.Keystone(conf)


STRATEGIES = {"noauth": Noauth, "http_basic": _http_basic, "keystone": _keystone}


def strategy(conf):
    """Return the strategy that ``conf`` names; raise InsecureConfiguration if it would be unsafe."""
    return STRATEGIES[conf.auth_strategy](conf)
