# SPDX-License-Identifier: Apache-2.0
"""Registrations of clients: a central one needs a further right."""

from valence.api.backup import collections
from valence.common import errors


class Register(collections.Create):
    """Registers a client, or registers it again."""

    verb = "Register"

    def allow(self, call, document, project_id):
        central = document.get("is_central", False)
        if central and not call.policy.allows(collections.CENTRAL, call.context, project_id):
            raise errors.Forbidden(rule=collections.CENTRAL)
