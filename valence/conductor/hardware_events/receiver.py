# SPDX-License-Identifier: Apache-2.0
"""The HTTP listener for events of pod managers: each subscription has a URL of its own with a random secret."""

import http
import json
import secrets
import socket
import urllib.parse

from oslo_log import log

from valence.common.web import http_server
from valence.conductor.monitoring import work_metrics

LOG = log.getLogger(__name__)

PATH = "/events/"
SECRET_BYTES = 24
THREADS = 8
#: seconds that running requests get to end
DRAIN_SECONDS = 5


class Refused(Exception):
    """A refused request, with its HTTP status."""

    def __init__(self, status):
        super().__init__()
        self.status = http.HTTPStatus(status)


class Receiver:
    """An HTTP server for events; ``options`` are those of [events]."""

    def __init__(self, options):
        self._options = options
        self._most_bytes = options.max_body_kib * 1024
        self._takers = {}
        self._server = http_server.Server(
            "events",
            options.host,
            options.port,
            self._answer,
            threads=THREADS,
            tls_files=options.tls_cert_file and (options.tls_cert_file, options.tls_key_file),
            limits=http_server.Limits(drain=DRAIN_SECONDS),
            largest_body=self._largest_body,
        )

    def start(self):
        """Listen; raise CannotListen."""
        self._server.start()

    def stop(self):
        """Close the listener."""
        self._server.stop()

    def reload(self):
        """Read the files of the certificate again."""
        self._server.reload()

    def open(self, pod_manager_url, take):
        """Return a new URL for a pod manager to post to; ``take(document)`` is called with each event."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        self._takers[secret] = take
        base = self._options.receiver_url or self._own_url(pod_manager_url)
        return f"{base.rstrip('/')}{PATH}{secret}"

    def close(self, url):
        """Answer 404 at a URL from now on."""
        self._takers.pop(url.rpartition("/")[2], None)

    def _own_url(self, pod_manager_url):
        """Return the listener's URL with the address of this host that the pod manager can reach."""
        place, own = urllib.parse.urlsplit(pod_manager_url), urllib.parse.urlsplit(self._server.url)
        address = own_address(place.hostname, place.port or 443)
        return f"{own.scheme}://{f'[{address}]' if ':' in address else address}:{own.port}"

    def _largest_body(self, path):
        return self._most_bytes if self._taker(path) else 0

    def _taker(self, path):
        """Return the function for the events of a path, None if no subscription has the path."""
        return self._takers.get(path.removeprefix(PATH)) if path.startswith(PATH) else None

    def _answer(self, environ, start_response):
        try:
            status = self._take(environ)
        except Refused as refusal:
            work_metrics.HARDWARE_EVENTS.labels("refused").inc()
            LOG.debug("a request from %s is refused: %s", environ.get("REMOTE_ADDR"), refusal.status.phrase)
            status = refusal.status
        except Exception:  # the edge of a request, whose sender is not trusted
            LOG.exception("an event could not be taken")
            status = http.HTTPStatus.INTERNAL_SERVER_ERROR
        start_response(f"{status.value} {status.phrase}", [("Content-Length", "0")])
        return []

    def _take(self, environ):
        take = self._taker(environ.get("PATH_INFO", ""))
        if take is None:
            raise Refused(404)
        if environ["REQUEST_METHOD"] != "POST":
            raise Refused(405)
        take(self._document(environ))
        return http.HTTPStatus.NO_CONTENT

    def _document(self, environ):
        if int(environ.get("CONTENT_LENGTH") or 0) > self._most_bytes:
            raise Refused(413)
        body = environ["wsgi.input"].read()
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Refused(400) from None


def own_address(host, port):
    """Return the address of this host on the route to another; sends nothing. 127.0.0.1 without a route."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return probe.getsockname()[0]
    except OSError:
        return "127.0.0.1"
