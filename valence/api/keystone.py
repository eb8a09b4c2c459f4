# SPDX-License-Identifier: Apache-2.0
"""Tokens of the Identity service, checked by keystonemiddleware, which leaves every decision to the policy."""

import logging
import time

import webob
from keystoneauth1 import access
from keystoneauth1 import exceptions
from keystonemiddleware import auth_token
from keystonemiddleware.auth_token import _exceptions as ksm_exceptions
from oslo_utils import timeutils

from valence.api import auth
from valence.common import context
from valence.common import errors

LOG = logging.getLogger(__name__)

#: why the middleware calls a token invalid that nobody has looked at
AWAY = (
    exceptions.ConnectFailure,
    exceptions.DiscoveryFailure,
    exceptions.RequestTimeout,
    ksm_exceptions.ServiceError,
)
_FAILURE = "valence.identity_failure"


class Protocol(auth_token.AuthProtocol):
    """The middleware; what it would answer by itself is left to the application, which knows the error format."""

    def process_request(self, request):
        try:
            return super().process_request(request)
        except webob.exc.HTTPException as failure:
            request.environ[_FAILURE] = failure.explanation or failure.title
        except exceptions.ClientException as failure:
            LOG.error("the Identity service cannot be asked, see [keystone_authtoken]: %s", failure)
            request.environ[_FAILURE] = "it is not configured rightly"

    def fetch_token(self, token, **keywords):
        """Return what a token says; an Identity service that cannot be asked is no reason to call a token invalid."""
        try:
            return super().fetch_token(token, **keywords)
        except ksm_exceptions.InvalidToken as failure:
            if isinstance(failure.__context__, AWAY):
                raise webob.exc.HTTPServiceUnavailable("it does not answer") from None
            raise

    def process_response(self, response):
        return response


class Keystone:
    """The strategy keystone."""

    def __init__(self, conf):
        self._conf = conf

    @property
    def challenge(self):
        """The header WWW-Authenticate."""
        return f'Keystone uri="{self._conf.keystone_authtoken.www_authenticate_uri or ""}"'

    def wrap(self, application):
        """Return the application behind the middleware."""
        return Protocol(application, {"oslo_config_config": self._conf, "delay_auth_decision": True})

    def context(self, http):
        """Return the context of a request; one without a valid token is nobody's."""
        failure = http.environ.get(_FAILURE)
        if failure:
            raise errors.Unavailable(reason=f"The Identity service cannot be asked: {failure}.")
        if http.environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
            return context.RequestContext(request_id=auth.request_id(http))
        who = context.RequestContext.from_environ(http.environ, request_id=auth.request_id(http))
        who.expires = _expires(http.environ.get("keystone.token_info"))
        return who


def _expires(about):
    """Return ``time.monotonic()`` at which the token expires that keystonemiddleware tells of."""
    if not about:
        return None
    left = access.create(body=about).expires - timeutils.utcnow(with_timezone=True)
    return time.monotonic() + left.total_seconds()
