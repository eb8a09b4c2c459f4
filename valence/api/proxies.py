# SPDX-License-Identifier: Apache-2.0
"""The client behind reverse proxies: what [api] trusted_proxies say of it is believed, and what others say is not."""

import ipaddress
import typing

from oslo_config import cfg
from werkzeug.middleware import proxy_fix

from valence.common import errors

#: in a WSGI environment: somebody who is not trusted says that a request was forwarded
UNTRUSTED = "valence.untrusted_proxy"
_FOR = "HTTP_X_FORWARDED_FOR"
_FORWARDED = ("HTTP_FORWARDED", _FOR, "HTTP_X_REAL_IP")


class Proxies:
    """A WSGI application in front of ``application`` that puts the client's address in the place of the proxy's."""

    def __init__(self, application: typing.Callable, conf: cfg.ConfigOpts):
        self._application = application
        self._networks = [_network(text) for text in conf.api.trusted_proxies]
        self._fix = proxy_fix.ProxyFix(application, x_for=0, x_proto=1, x_host=1, x_prefix=1)

    def __call__(self, environ, start_response):
        if self._is_trusted(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = self._client(environ)
            return self._fix(environ, start_response)
        environ[UNTRUSTED] = any(name in environ for name in _FORWARDED)
        return self._application(environ, start_response)

    def _client(self, environ):
        """Return the last address of the way here that is no proxy of ours: those before it may be invented."""
        way = [part.strip() for part in environ.get(_FOR, "").split(",") if part.strip()]
        client = environ["REMOTE_ADDR"]
        while way and self._is_trusted(client) and (before := _address(way.pop())):
            client = before
        return client

    def _is_trusted(self, text):
        if not self._networks:
            return False
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _network(text):
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise errors.InsecureConfiguration(
            reason=f"[api] trusted_proxies: {text!r} is no address and no network like 192.0.2.0/24."
        ) from None


def _address(text):
    """Return an address of X-Forwarded-For without the port that some proxies add; None for what is no address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
