# SPDX-License-Identifier: Apache-2.0
"""Sign-in by the Identity service for the screen: a token for user, password and project.

Browsers would need CORS to ask Keystone themselves. The password goes to the Identity service of this API, is not
stored and not logged. Wrong passwords are limited by address.
"""

import http
import typing
import urllib.parse

import flask

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.common import errors
from valence.common import sign_in_errors
from valence.common.web import http_limits

#: seconds for the answer of the Identity service
TIMEOUT = 10
LONGEST = 1024
REQUIRED = ("user", "password", "project")
#: names of domains, by default the one that Keystone has from the beginning
DOMAINS = {"user_domain": "Default", "project_domain": "Default"}


class Token:
    """Returns a token for a user."""

    description = descriptions.Description()

    def __init__(self, conf: typing.Any):
        from valence.api.http import http_basic  # noqa: PLC0415  its libraries are optional

        self._conf = conf
        self._attempts = http_basic.Buckets(http_basic.ADDRESS_ATTEMPTS)

    def __call__(self, call: handler.Call) -> flask.Response:
        values = _values(request_body.read(call.http, limits=call.settings.limits))
        with self._attempts.counting(http_limits.network(call.http.remote_addr or "")):
            token = self._request(values)
        return handler.document(call, {"token": token}, headers={"Cache-Control": "no-store"})

    def _request(self, values):
        """Return a token; raise Unauthorized, IdentityServiceFailed, or Unavailable without an answer."""
        from keystoneauth1 import exceptions  # noqa: PLC0415  an extra brings it
        from keystoneauth1 import session  # noqa: PLC0415
        from keystoneauth1.identity import v3  # noqa: PLC0415

        options = self._conf.keystone_authtoken
        plugin = v3.Password(
            auth_url=getattr(options, "auth_url", None) or options.www_authenticate_uri,
            username=values["user"],
            password=values["password"],
            user_domain_name=values["user_domain"],
            project_name=values["project"],
            project_domain_name=values["project_domain"],
        )
        verify = False if options.insecure else options.cafile or True
        http_limits.end_turn()
        try:
            # A redirect may lead to another host, which must not get the password.
            return session.Session(plugin, verify=verify, timeout=TIMEOUT, redirect=False).get_token()
        except exceptions.Unauthorized:
            raise errors.Unauthorized(
                reason="the Identity service refuses these names and this password"
            ) from None
        except (exceptions.HttpError, exceptions.InvalidResponse) as error:
            raise _failure(error) from None
        except exceptions.ClientException:
            raise errors.Unavailable(reason="The Identity service cannot be asked.") from None


def _failure(error):
    """Return the error for an answer of the Identity service that has no token."""
    answer = getattr(error, "response", None)
    status = getattr(answer, "status_code", None) or getattr(error, "http_status", None)
    if status == http.HTTPStatus.FORBIDDEN:
        return errors.Unauthorized(reason="the Identity service forbids this sign-in, with 403")
    if status in (429, 503, 504):
        return errors.Unavailable(reason=f"The Identity service answered {status}.")
    if status is not None and http.HTTPStatus.MULTIPLE_CHOICES <= status < http.HTTPStatus.BAD_REQUEST:
        where = urllib.parse.urlsplit(answer.headers.get("Location") or "").netloc or "another address"
        reason = f"it answered {status}, a redirect to {where}, which the password is not sent to"
    else:
        reason = f"it answered {status}" if status else "its answer is no token"
    return sign_in_errors.IdentityServiceFailed(reason=reason)


def _values(document):
    """Return the values of a body; raise ValidationFailed with all problems."""
    body = document if isinstance(document, dict) else {}
    names = (*REQUIRED, *DOMAINS)
    problems = [(f"$.{name}", "There is no such field.") for name in body.keys() - set(names)]
    values = DOMAINS | {name: body[name] for name in names if name in body}
    problems += [(f"$.{name}", "It is missing.") for name in REQUIRED if name not in values]
    problems += [
        (f"$.{name}", f"It must be text of 1 to {LONGEST} characters.")
        for name, value in values.items()
        if not (isinstance(value, str) and 1 <= len(value) <= LONGEST)
    ]
    if problems:
        hint = f"Give {', '.join(REQUIRED)}, and {' and '.join(DOMAINS)} if they are not Default."
        told = [{"path": path, "detail": detail, "hint": hint} for path, detail in sorted(problems)]
        raise errors.ValidationFailed(problems=told)
    return values
