# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of the API: its port, its certificate and its limits from the configuration."""

from valence.api import errors as rendering
from valence.api.introspection import documents
from valence.common import places
from valence.common import web


class Server(web.Server):
    """Serves an application on [api] host and port, or others; the application says how large bodies may be."""

    def __init__(self, conf, application, host=None, port=None, name="api"):
        options = conf.api
        super().__init__(
            name,
            host or options.host,
            options.port if port is None else port,
            application,
            # What may take long keeps its threads; the others are for requests that are answered soon.
            threads=options.threads + options.max_event_streams + documents.MOST_WAITING + places.MOST,
            tls_files=options.tls_cert_file and (options.tls_cert_file, options.tls_key_file),
            limits=web.Limits(
                connections=options.max_connections,
                connections_per_address=options.max_connections_per_address,
                exempt=(*web.LOOPBACK, *options.trusted_proxies),
            ),
            largest_body=application.largest_body,
            render=_render,
        )
        conf.register_mutate_hook(lambda *_: self.reload())

    def stop(self):
        """Let streams end, and waiting requests answer; then stop."""
        self._application.stop()
        super().stop()


def _render(error, request_id):
    """Return headers and body of an error in the format of the API."""
    response = rendering.respond(error, request_id)
    headers = [each for each in response.headers if each[0].lower() != "content-length"]
    return headers, response.get_data()
