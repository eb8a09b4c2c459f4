# SPDX-License-Identifier: Apache-2.0
"""Errors of the sign-in by the Identity service; this module needs nothing that is optional."""

from valence.common import errors


class IdentityServiceFailed(errors.ValenceError):
    """The Identity service answered a sign-in with something else than a token or a refusal: ``reason``."""

    status, code, title = 502, "valence.identity_service_failed", "Bad Gateway"
    message = "The Identity service did not sign anybody in: {reason}."
    hint = (
        "Tell the administrator of Valence: check auth_url in [keystone_authtoken], and the log of Keystone."
    )
