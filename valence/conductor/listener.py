# SPDX-License-Identifier: Apache-2.0
"""The small HTTP servers of a conductor: for who reads its figures, and for pod managers that post events."""

import logging
import threading

from cheroot import wsgi

from valence.common import errors
from valence.common import tls

LOG = logging.getLogger(__name__)

HEADER_BYTES = 16 * 1024
#: seconds that a silent connection is kept, and that running requests get to end
IDLE_SECONDS, DRAIN_SECONDS = 10, 5


class Listener:
    """Serves a WSGI application at ``host`` and ``port``, 0 being a free one; ``url`` is known once it is started.

    ``tls_files`` are the files (PEM) of a certificate chain and its key: with them it speaks HTTPS.
    """

    def __init__(self, name, host, port, application, *, threads=2, tls_files=None):
        self._name = name
        self._http = _HTTP(
            (host, port),
            application,
            numthreads=threads,
            server_name="valence",
            timeout=IDLE_SECONDS,
            shutdown_timeout=DRAIN_SECONDS,
        )
        if tls_files:
            self._http.ssl_adapter = tls.Adapter(*tls_files)
        self._thread = threading.Thread(target=self._http.serve, name=name, daemon=True)

    @property
    def url(self):
        """The URL that the server listens on."""
        host, port = self._http.bind_addr[:2]
        scheme = "https" if self._http.ssl_adapter else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self):
        """Listen, and serve from now on; raise CannotListen."""
        try:
            self._http.prepare()
        except OSError as error:
            host, port = self._http.bind_addr[:2]
            raise errors.CannotListen(address=f"{host}:{port}", reason=str(error)) from None
        self._thread.start()
        LOG.info("%s: serving %s", self._name, self.url)

    def stop(self):
        """Answer what is being worked on, and listen no more."""
        self._http.stop()
        if self._thread.is_alive():
            self._thread.join(DRAIN_SECONDS)


class _HTTP(wsgi.Server):
    ConnectionClass = tls.Connection
    max_request_header_size = HEADER_BYTES

    def error_log(self, msg="", level=logging.INFO, traceback=False):
        """Log instead of printing."""
        LOG.log(level, "%s", msg, exc_info=traceback)
