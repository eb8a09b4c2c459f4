# SPDX-License-Identifier: Apache-2.0
"""Trusts in Keystone: with one, a central client works for a user in the user's absence; the trustee is Valence."""

import functools

from valence.common import errors

#: seconds that Keystone may take
TIMEOUT = 20
_GROUP = "keystone_authtoken"
_TRUSTS = "/OS-TRUST/trusts"
_IDENTITY = {"service_type": "identity", "interface": "public", "version": (3, 0)}


class Trusts:
    """Creates and removes the trusts of users; without Keystone there are none."""

    def __init__(self, conf):
        self._conf = conf
        self.is_there = conf.auth_strategy == "keystone"

    def of(self, call):
        """Return the credentials of a trust of the client's user: an existing one, or a new one."""
        who, trustee = call.context, self._session.get_user_id()
        present = self._ask(call, "GET", f"{_TRUSTS}?trustor_user_id={who.user_id}").json()["trusts"]
        wanted = {"trustor_user_id": who.user_id, "trustee_user_id": trustee, "project_id": who.project_id}
        for trust in present:
            if wanted.items() <= trust.items():
                return _credentials(trust)
        about = {"impersonation": True, "roles": [{"name": role} for role in who.roles]}
        return _credentials(self._ask(call, "POST", _TRUSTS, json={"trust": wanted | about}).json()["trust"])

    def end(self, call, identifier):
        """Remove a trust, unless it does not exist or belongs to another user."""
        try:
            self._ask(call, "DELETE", f"{_TRUSTS}/{identifier}")
        except errors.Unprocessable:
            return

    @functools.cached_property
    def _session(self):
        from keystoneauth1 import loading  # noqa: PLC0415  only where auth_strategy is keystone
        from keystoneauth1 import session  # noqa: PLC0415

        options = self._conf[_GROUP]
        return session.Session(
            auth=loading.load_auth_from_conf_options(self._conf, _GROUP),
            verify=False if options.insecure else options.cafile or True,
            cert=(options.certfile, options.keyfile) if options.certfile else None,
            timeout=options.http_connect_timeout or TIMEOUT,
        )

    def _ask(self, call, method, url, **body):
        """Return Keystone's response to a request with the client's own token."""
        from keystoneauth1 import exceptions  # noqa: PLC0415  as above

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
