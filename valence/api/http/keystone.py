# SPDX-License-Identifier: Apache-2.0
"""The strategy keystone: keystonemiddleware validates the token of a request, and the policy decides about it."""

import logging
import time
import typing

import webob
from keystoneauth1 import access
from keystoneauth1 import exceptions
from keystonemiddleware import auth_token
from keystonemiddleware.auth_token import _exceptions as ksm_exceptions
from oslo_utils import timeutils

from valence.api.http import auth
from valence.common import context
from valence.common import errors
from valence.common.web import http_limits

LOG = logging.getLogger(__name__)

#: failures of the Identity service that the middleware reports as an invalid token
AWAY = (
    exceptions.ConnectFailure,
    exceptions.DiscoveryFailure,
    exceptions.RequestTimeout,
    ksm_exceptions.ServiceError,
)
_FAILURE = "valence.identity_failure"
#: first part of a path -> type of the service in the catalog, as access rules of application credentials name it
SERVICE_TYPES = {"/introspection": "baremetal-introspection", "/backup": "backup", "/": "rack"}


class Protocol(auth_token.AuthProtocol):
    """The middleware, without responses of its own: the application knows the error format."""

    def process_request(self, request):
        try:
            return super().process_request(request)
        except webob.exc.HTTPException as failure:
            request.environ[_FAILURE] = failure.explanation or failure.title
        except exceptions.ClientException as failure:
            LOG.error("the Identity service cannot be asked, see [keystone_authtoken]: %s", failure)
            request.environ[_FAILURE] = "it is not configured rightly"

    def fetch_token(self, token, **keywords):
        """Return the data of a token; answer 503, not 401, if the Identity service is unavailable."""
        try:
            return super().fetch_token(token, **keywords)
        except ksm_exceptions.InvalidToken as failure:
            if isinstance(failure.__context__, AWAY):
                raise webob.exc.HTTPServiceUnavailable("it does not answer") from None
            raise

    def process_response(self, response):
        return response

    def _create_identity_server(self):
        """Return the client of the Identity service; its calls end the turn of a request, a cached token does not."""
        server = super()._create_identity_server()
        verify_token = server.verify_token

        def verify(*arguments, **keywords):
            http_limits.end_turn()
            return verify_token(*arguments, **keywords)

        server.verify_token = verify
        return server


class Keystone:
    """The strategy keystone."""

    def __init__(self, conf):
        self._conf = conf

    @property
    def challenge(self):
        """The value of the header WWW-Authenticate."""
        return f'Keystone uri="{self._conf.keystone_authtoken.www_authenticate_uri or ""}"'

    def wrap(self, application: typing.Callable) -> typing.Callable:
        """Return the application behind the middleware.

        Each service of the catalog has its own middleware, which compares access rules with one service type.
        """
        options = {"oslo_config_config": self._conf, "delay_auth_decision": True}
        guarded = {
            path: Protocol(application, options | {"service_type": service_type})
            for path, service_type in SERVICE_TYPES.items()
        }

        def choose(environ, start_response):
            first = environ.get("PATH_INFO", "").lstrip("/").partition("/")[0]
            return guarded.get(f"/{first}", guarded["/"])(environ, start_response)

        return choose

    def context(self, http):
        """Return the context of a request, without user and roles if it has no valid token."""
        failure = http.environ.get(_FAILURE)
        if failure:
            raise errors.Unavailable(reason=f"The Identity service cannot be asked: {failure}.")
        if http.environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
            return context.RequestContext(request_id=auth.request_id(http))
        who = context.RequestContext.from_environ(http.environ, request_id=auth.request_id(http))
        who.expires = _expires(http.environ.get("keystone.token_info"))
        return who


def _expires(about):
    """Return the ``time.monotonic()`` at which a token expires, None if its data are unknown."""
    if not about:
        return None
    left = access.create(body=about).expires - timeutils.utcnow(with_timezone=True)
    return time.monotonic() + left.total_seconds()
