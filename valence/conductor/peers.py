# SPDX-License-Identifier: Apache-2.0
"""The other conductors, as this one asks them."""

from valence.common import context
from valence.common import rpc_client
from valence.conductor import client


class Known:
    """Liveness of conductors that the store tells of: nobody has to ping them."""

    def start(self):
        """There is nothing to begin."""

    def stop(self):
        """There is nothing to end."""

    def require(self):
        """Whoever is asked is thought to live."""

    def hear(self):
        """That somebody answers is no news."""


class Peers:
    """Calls other conductors by their names."""

    def __init__(self, conf, transport, gate=None):
        self._caller = rpc_client.Caller(conf, transport, Known(), gate)
        self._operations, self._resources = client.Operations(self._caller), client.Resources(self._caller)
        self._status = client.Status(self._caller)

    def start(self):
        """Begin to ring."""
        self._caller.start()

    def stop(self):
        """Ring nobody any more."""
        self._caller.stop()

    def ring(self):
        """Tell all conductors that there is work, or that one of them comes or goes; they also look by themselves."""
        self._operations.ring(context.service_context(), everybody=True)

    def announce(self):
        """Let all conductors on the message bus know of this one's site."""
        self._status.announce(context.service_context())

    def read(self, request_context, host, uuids, *, pod_manager=None):
        """Return what ``host`` reads of resources, as ``client.Resources.details`` does; raise Unavailable."""
        return self._resources.read(request_context, host, uuids, pod_manager=pod_manager)
