# SPDX-License-Identifier: Apache-2.0
"""A service of another project, replaced by an HTTP server in the test process."""

import http.server
import threading

import fixtures


class FakeService(fixtures.Fixture):
    """A fixture that answers HTTP requests."""

    def serve(self, handler):
        """Start a server on a free port of 127.0.0.1 and return its URL; it stops with the fixture.

        ``handler`` is a subclass of BaseHTTPRequestHandler. Its instances find this fixture in ``service``.
        """
        handler = type("Handler", (handler,), {"service": self})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"
