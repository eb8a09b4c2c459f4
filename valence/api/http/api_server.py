# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of the API, with its port, certificate and limits from the configuration.

A second server serves introspection alone, at the root of a port of its own, where [api] introspection_port asks for
it: clients of ironic-inspector and ramdisks expect the dialect there.
"""

import typing

from valence.api.http import auth
from valence.api.http import handler
from valence.api.introspection import dialect
from valence.api.introspection import documents
from valence.bus import bounds
from valence.common.web import http_server


class Server(http_server.Server):
    """Serves an application on [api] host and port, or on others; ``application.largest_body`` limits bodies."""

    def __init__(self, conf, application, host=None, port=None, name="api"):
        options = conf.api
        super().__init__(
            name,
            host or options.host,
            options.port if port is None else port,
            application,
            # Streams, waiting documents and calls to conductors keep their threads; the rest serve short requests.
            threads=options.threads + options.max_event_streams + documents.MOST_WAITING + bounds.MOST,
            turns=options.threads,
            tls_files=options.tls_cert_file and (options.tls_cert_file, options.tls_key_file),
            limits=http_server.Limits(
                connections=options.max_connections,
                connections_per_address=options.max_connections_per_address,
                exempt=(*http_server.LOOPBACK, *options.trusted_proxies),
            ),
            largest_body=application.largest_body,
            render=_render,
            client=auth.Clients(conf).address,
        )
        conf.register_mutate_hook(lambda *_: self.reload())

    def stop(self):
        """End streams, let waiting requests answer, then stop."""
        self._application.stop()
        super().stop()


def require_port(conf: typing.Any) -> None:
    """Raise CannotListen where [api] port is taken."""
    http_server.require_port(conf.api.host, conf.api.port)


def _render(error, request_id):
    """Return headers and body of an error in the format of the API."""
    response = handler.respond(error, request_id)
    headers = [each for each in response.headers if each[0].lower() != "content-length"]
    return headers, response.get_data()


class Alone:
    """The introspection dialect of ``application``, the whole API, as a WSGI application."""

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        path = dialect.MOUNT + environ.get("PATH_INFO", "")
        return self._application(environ | {"PATH_INFO": path, dialect.ALONE: True}, start_response)

    def largest_body(self, path: str) -> int:
        """Return the most bytes of a body that are read at a path."""
        return self._application.largest_body(dialect.MOUNT + path)

    def stop(self):
        """Do nothing: the API stops with its own server."""


def servers(conf, application):
    """Return the servers of introspection alone: one if [api] introspection_port is set, else none."""
    port = conf.api.introspection_port
    if port is None:
        return []
    return [Server(conf, Alone(application), conf.api.introspection_host, port, name="introspection")]
