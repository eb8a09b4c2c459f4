# SPDX-License-Identifier: Apache-2.0
"""Access to Ironic for those who do not know its libraries, which are imported when a node is first registered."""

import json
import threading
import typing

from oslo_config import cfg

from valence.common import composition_errors
from valence.common import secrets
from valence.common.configuration import extras
from valence.conductor.nodes.ironic import options

if typing.TYPE_CHECKING:
    from valence.conductor.nodes.ironic import bare_metal


class Ironic:
    """The Ironic of the site, and the key that keeps requests of registration secret until they are done."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf, self._lock = conf, threading.Lock()
        self._client: bare_metal.Client | None = None

    @property
    def resource_class(self) -> str:
        """The resource class of nodes whose registration gives none."""
        self._require()
        return typing.cast(str, self._conf.ironic.resource_class)

    def client(self) -> "bare_metal.Client":
        """Return the client, which has contacted nobody; raise IronicNotConfigured, PackageMissing."""
        with self._lock:
            if self._client is None:
                self._require()
                with extras.required("ironic"):
                    from valence.conductor.nodes.ironic import bare_metal  # noqa: PLC0415  22 MB of memory
                self._client = bare_metal.Client(self._conf)
            return self._client

    @property
    def key_file(self) -> str:
        """The path of the file with the keys of secrets."""
        return str(secrets.key_file(self._conf))

    def sealed(self, values: dict[str, typing.Any]) -> str:
        """Return a token that only conductors can read: the values may have passwords."""
        return secrets.load(self._conf).encrypt(json.dumps(values))

    def opened(self, token: str) -> dict[str, typing.Any]:
        """Return the values of a token; raise SecretUnreadable."""
        values: dict[str, typing.Any] = json.loads(secrets.load(self._conf).decrypt(token))
        return values

    def _require(self) -> None:
        """Raise IronicNotConfigured unless [ironic] says how to sign in."""
        with extras.required("ironic"):
            options.register(self._conf)
        section = self._conf.ironic.auth_section or options.GROUP
        if not self._conf[section].auth_type:
            raise composition_errors.IronicNotConfigured(reason="[ironic] auth_type is not set")
