# SPDX-License-Identifier: Apache-2.0
"""TLS for the HTTP servers of Valence: the handshake happens in the thread that serves, not in the one that accepts."""

import logging
import ssl

from cheroot import makefile
from cheroot import server
from cheroot import ssl as cheroot_ssl

LOG = logging.getLogger(__name__)


class Adapter(cheroot_ssl.Adapter):
    """Wraps sockets in TLS without waiting for the handshake."""

    def __init__(self, certificate, key):
        super().__init__(certificate, key)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)

    def bind(self, sock):
        return sock

    def wrap(self, sock):
        return self._context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False
        ), self.get_environ()

    def get_environ(self):
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock, mode="r", bufsize=-1):
        return makefile.MakeFile(sock, mode, bufsize)


class Connection(server.HTTPConnection):
    """A connection that does its handshake when it is first served."""

    _is_greeted = False

    def communicate(self):
        return self._greet() and super().communicate()

    def _greet(self):
        """Do the handshake of TLS, once; return whether there is somebody to talk to."""
        if not self._is_greeted and isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except OSError as error:
                LOG.info("no TLS with %s: %s", self.remote_addr, error)
                return False
        self._is_greeted = True
        return True
