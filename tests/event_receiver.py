# SPDX-License-Identifier: Apache-2.0
"""Whoever a Redfish service posts its events to, for tests."""

import http.server
import json
import threading

import fixtures


class EventReceiver(fixtures.Fixture):
    """Takes POSTs at ``url``; ``payloads`` are their bodies. It answers with ``status``."""

    def _setUp(self):
        self.payloads, self.status, self.posts = [], 204, 0
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        self.addCleanup(server.server_close)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}/events"

    @property
    def records(self):
        """The event records of all payloads, in the order of arrival."""
        return [record for payload in list(self.payloads) for record in payload["Events"]]

    def _handler(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts += 1
                if receiver.status < 300:
                    receiver.payloads.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format, *args):
                pass

        return Handler
