# SPDX-License-Identifier: Apache-2.0
"""The small part of Ironic's API that registration uses, with answers that get lost, or are errors."""

import http.server
import json
import urllib.parse
import uuid

from tests import fake_service
from valence.conductor.nodes.ironic import options

VERSIONS = {"id": "v1", "status": "CURRENT", "min_version": "1.1", "version": "1.115"}


class FakeIronic(fake_service.FakeService):
    """Serves ``url``; ``nodes`` by UUID and ``ports`` by address are what it has.

    ``answers`` are pairs of a method and what happens to the next request with it: a status is the answer, "lost" does
    the work and closes the connection. ``requests`` are the methods and paths that came.
    """

    def _setUp(self):
        self.nodes, self.ports, self.answers, self.requests = {}, {}, [], []
        self.url = self.serve(_Handler)

    def configure(self, conf):
        """Let [ironic] of ``conf`` lead here."""
        options.register(conf)
        conf.set_override("auth_type", "none", options.GROUP)
        conf.set_override("endpoint_override", self.url, options.GROUP)

    def changes(self):
        """Return the requests that change something."""
        return [f"{method} {path.partition('/v1')[2]}" for method, path in self.requests if method != "GET"]

    def answer(self, method, path, values):
        """Do what a request says; return the status and the document."""
        kind, _, key = path.partition("/v1/")[2].partition("?")[0].partition("/")
        if not kind:
            versions = VERSIONS | {"links": [{"href": f"{self.url}/v1/", "rel": "self"}]}
            return 200, {"id": "v1", "version": versions, "versions": [versions], "default_version": versions}
        return {"nodes": self._of_nodes, "ports": self._of_ports}[kind](method, path, key, values)

    def _of_nodes(self, method, _path, key, values):
        if method == "POST":
            return self._create(self.nodes, values["uuid"], values | {"provision_state": "enroll"})
        if key not in self.nodes:
            return 404, _error(f"Node {key} could not be found.")
        if method == "GET":
            return 200, self.nodes[key]
        del self.nodes[key]
        self.ports = {name: port for name, port in self.ports.items() if port["node_uuid"] != key}
        return 204, None

    def _of_ports(self, method, path, _key, values):
        if method == "POST":
            return self._create(self.ports, values["address"], values | {"uuid": str(uuid.uuid4())})
        asked = urllib.parse.parse_qs(path.partition("?")[2])
        port = self.ports.get(asked["address"][0])
        return 200, {"ports": [port] if port else []}

    @staticmethod
    def _create(things, key, values):
        if key in things:
            return 409, _error(f"{key} exists.")
        things[key] = values
        return 201, values


class _Handler(http.server.BaseHTTPRequestHandler):
    ironic: FakeIronic

    def do_GET(self):
        """Answer a request, or lose it."""
        length = int(self.headers.get("Content-Length") or 0)
        values = json.loads(self.rfile.read(length)) if length else None
        self.service.requests.append((self.command, self.path))
        planned = self.service.answers[:1]
        if planned and planned[0][0] == self.command and self.path.partition("/v1")[2].strip("/"):
            self.service.answers.pop(0)
            happens = planned[0][1]
            if happens == "lost":
                self.service.answer(self.command, self.path, values)
                self.close_connection = True
                return
            self._send(happens, _error(f"refused: {json.dumps(values)}"))
            return
        self._send(*self.service.answer(self.command, self.path, values))

    do_POST = do_DELETE = do_GET

    def _send(self, status, document):
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-OpenStack-Ironic-API-Maximum-Version", VERSIONS["version"])
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments):
        """Print nothing."""


def _error(text):
    return {"error_message": json.dumps({"faultcode": "Client", "faultstring": text})}
