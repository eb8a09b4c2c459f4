# SPDX-License-Identifier: Apache-2.0
"""Trusts: a central client works for a user when the user is away, so the user trusts Valence's own user to say so."""

import functools

from keystoneauth1 import exceptions
from keystoneauth1 import loading
from keystoneauth1 import session

from valence.common import errors

#: seconds that Keystone may take
TIMEOUT = 20
_GROUP = "keystone_authtoken"
_TRUSTS = "/OS-TRUST/trusts"
_IDENTITY = {"service_type": "identity", "interface": "public", "version": (3, 0)}


class Trusts:
    """Makes and ends the trusts of users, by Keystone; without Keystone there are none."""

    def __init__(self, conf):
        self._conf = conf
        self.is_there = conf.auth_strategy == "keystone"

    def of(self, call):
        """Return the credentials of a trust of whoever asks, a present one if there is one already."""
        who, trustee = call.context, self._session.get_user_id()
        present = self._ask(call, "GET", f"{_TRUSTS}?trustor_user_id={who.user_id}").json()["trusts"]
        wanted = {"trustor_user_id": who.user_id, "trustee_user_id": trustee, "project_id": who.project_id}
        for trust in present:
            if wanted.items() <= trust.items():
                return _credentials(trust)
        about = {"impersonation": True, "roles": [{"name": role} for role in who.roles]}
        return _credentials(self._ask(call, "POST", _TRUSTS, json={"trust": wanted | about}).json()["trust"])

    def end(self, call, identifier):
        """Remove a trust; one that is gone, or is another user's, is left alone."""
        try:
            self._ask(call, "DELETE", f"{_TRUSTS}/{identifier}")
        except errors.Unprocessable:
            return

    @functools.cached_property
    def _session(self):
        options = self._conf[_GROUP]
        return session.Session(
            auth=loading.load_auth_from_conf_options(self._conf, _GROUP),
            verify=False if options.insecure else options.cafile or True,
            cert=(options.certfile, options.keyfile) if options.certfile else None,
            timeout=options.http_connect_timeout or TIMEOUT,
        )

    def _ask(self, call, method, url, **body):
        """Return Keystone's answer to a request with the token of whoever asks."""
        headers = {"X-Auth-Token": call.http.headers.get("X-Auth-Token", "")}
        try:
            return self._session.request(
                url, method, endpoint_filter=_IDENTITY, authenticated=False, headers=headers, **body
            )
        except exceptions.HttpError as failure:
            raise errors.Unprocessable(reason=f"The Identity service refuses a trust: {failure}.") from None
        except exceptions.ClientException as failure:
            raise errors.Unavailable(reason=f"The Identity service cannot be asked: {failure}.") from None


def _credentials(trust):
    return {"trust_id": trust["id"], "trustor_user_id": trust["trustor_user_id"]}
