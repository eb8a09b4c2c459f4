# SPDX-License-Identifier: Apache-2.0
"""Passwords in the curl lines that keystoneauth1 logs: it hides those in headers, not those in bodies."""

import logging
import re

from valence.db import models
from valence.db import types

#: the logger of keystoneauth1's requests, and those below it that have parts of them; filters hold for one logger alone
LOGGER = "keystoneauth.session"
PARTS = ("request", "response", "body", "request-id")
#: names of the fields of models that are secret
SECRETS = {
    name for model in models.STORED for name, field in model.fields.items() if isinstance(field, types.Secret)
}
# Ironic's drivers have secrets of their own names, such as redfish_password and snmp_auth_key.
_NAME = rf"\w*(?:{'|'.join(sorted(SECRETS | {'secret', 'token', 'credential', 'community'}))})\w*|\w*_key"
_VALUE = re.compile(rf'("(?:{_NAME})"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)


def hide(text: str) -> str:
    """Return a text without the values of secret fields in JSON."""
    return _VALUE.sub(r'\1"***"', text)


class Filter(logging.Filter):
    """Replaces the values of secret fields in JSON."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = hide(record.getMessage()), ()
        return True


def install() -> None:
    """Hide secrets in the logs of all sessions of keystoneauth1 in this process."""
    for name in (LOGGER, *(f"{LOGGER}.{part}" for part in PARTS)):
        logger = logging.getLogger(name)
        if not any(isinstance(each, Filter) for each in logger.filters):
            logger.addFilter(Filter())
