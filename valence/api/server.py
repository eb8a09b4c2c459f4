# SPDX-License-Identifier: Apache-2.0
"""The HTTP server in the process: cheroot, which stops only when what it works on is answered."""

import logging
import threading
import time

from cheroot import wsgi

from valence.api import protocol
from valence.common import errors
from valence.common import tls

LOG = logging.getLogger(__name__)

HEADER_BYTES = 32 * 1024
#: seconds that a silent connection is kept, and that running requests get to end
IDLE_SECONDS, DRAIN_SECONDS = 20, 30
#: seconds that clients get to learn that their connection ends
GOODBYE_SECONDS = 1
CONNECTIONS = 500
#: large documents that can wait for their turn and leave all the other threads free
DOCUMENTS = 32


class Server:
    """Serves an application on [api] host and port, or others; ``url`` is known once it is started."""

    def __init__(self, conf, application, host=None, port=None):
        self._application = application
        self._http = HTTP(
            (host or conf.api.host, conf.api.port if port is None else port),
            application,
            # Streams, and large documents that wait for their turn, keep their threads; the others are for requests.
            numthreads=conf.api.threads + conf.api.max_event_streams + DOCUMENTS,
            server_name="valence",
            request_queue_size=128,
            timeout=IDLE_SECONDS,
            shutdown_timeout=DRAIN_SECONDS,
        )
        if conf.api.tls_cert_file:
            self._http.ssl_adapter = tls.Adapter(conf.api.tls_cert_file, conf.api.tls_key_file)
        self._thread = threading.Thread(target=self._http.serve, name="http", daemon=True)

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
        LOG.info("serving %s", self.url)

    def stop(self):
        """Let clients that keep a connection know that it ends, then answer what is being worked on."""
        self._application.stop()
        if self._http.ready:
            self._http.say_goodbye(GOODBYE_SECONDS)
        self._http.stop()
        self._thread.join()


class HTTP(wsgi.Server):
    """cheroot's WSGI server."""

    ConnectionClass = protocol.Connection
    max_request_header_size = HEADER_BYTES
    keep_alive_conn_limit = CONNECTIONS

    _is_closing = False

    @property
    def can_add_keepalive_connection(self):
        """Whether a connection may be kept after its answer."""
        return not self._is_closing and super().can_add_keepalive_connection

    def say_goodbye(self, seconds):
        """Listen no more, and let the clients of open connections learn, by their next answer, that it is the last."""
        self._is_closing = True
        self._connections._selector.unregister(self.socket)
        self.socket.settimeout(0)
        while (waiting := self._connections._from_server_socket(self.socket)) is not None:
            self.process_conn(waiting)
        self.socket.close()
        deadline = time.monotonic() + seconds
        while self._is_busy() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _is_busy(self):
        waiting = len(self._connections._selector) + self.requests.qsize
        return waiting or self.requests.idle < self.numthreads

    def process_conn(self, conn):
        """Give a connection to a thread once it has sent something."""
        if conn.fresh:
            conn.fresh = False
            self._connections.put(conn)
        else:
            super().process_conn(conn)

    def error_log(self, msg="", level=logging.INFO, traceback=False):
        """Log instead of printing."""
        LOG.log(level, "%s", msg, exc_info=traceback)
