# SPDX-License-Identifier: Apache-2.0
"""Introspection on a port of its own, where clients and ramdisks expect ironic-inspector: at the root."""

from valence.api import server

MOUNT = "/introspection"
#: what says in a WSGI environment that a request came by that port
ALONE = "valence.introspection_port"


class Alone:
    """The part of ``application``, the whole API, that is at MOUNT, as a WSGI application."""

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        path = MOUNT + environ.get("PATH_INFO", "")
        return self._application(environ | {"PATH_INFO": path, ALONE: True}, start_response)

    def largest_body(self, path: str) -> int:
        """Return the most bytes of a body that are read at a path."""
        return self._application.largest_body(MOUNT + path)

    def stop(self):
        """Leave the API alone: it is stopped with its own port."""


def servers(conf, application):
    """Return what serves introspection alone: a server where [api] introspection_port asks for one, else nothing."""
    port = conf.api.introspection_port
    if port is None:
        return []
    return [server.Server(conf, Alone(application), conf.api.introspection_host, port, name="introspection")]
