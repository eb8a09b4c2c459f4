# SPDX-License-Identifier: Apache-2.0
"""A Redfish service whose every answer a test decides, and drivers that talk to it."""

import functools
import http.server
import json
import ssl
import threading

import fixtures
from oslo_config import cfg

from tests import base
from valence.common.configuration import config
from valence.db import models
from valence.podmanagers import base as podmanagers_base
from valence.podmanagers.redfish import driver as redfish_driver
from valence.simulator import server as simulator_server

ROOT = "/redfish/v1/"
SESSIONS = "/redfish/v1/SessionService/Sessions"
PASSWORD = "correct horse"


class Service(fixtures.Fixture):
    """A service at ``url`` that answers what it is told to.

    ``documents`` maps paths to JSON documents; one that is answered with 200 gets an ``@odata.id`` if it has none.
    ``answers`` maps "GET /path" (with the query, where there is one) to a function of the request handler, which is
    asked first. ``requests`` lists "GET /path" in the order of arrival.
    """

    def __init__(self, documents, tls_folder=None):
        super().__init__()
        self.documents = documents
        self.answers = {}
        self.requests = []
        self._tls_folder = tls_folder

    def _setUp(self):
        server = Server(("127.0.0.1", 0), functools.partial(Handler, self))
        if self._tls_folder:
            self.certificate, key = simulator_server.ensure(str(self._tls_folder), "127.0.0.1")
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate, key)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'https' if self._tls_folder else 'http'}://127.0.0.1:{server.server_port}"
        self.addCleanup(server.server_close)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)

    def count(self, request):
        return self.requests.count(request)


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection; clients may go away as they like."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection of a Service."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 10

    def __init__(self, service, *args):
        self.service = service
        super().__init__(*args)

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(length)) if length else None
        request = f"{self.command} {self.path}"
        self.service.requests.append(request)
        if request in self.service.answers:
            return self.service.answers[request](self)
        document = self.service.documents.get(self.path)
        if document is None:
            return self.answer(
                404, {"error": {"code": "Base.1.18.ResourceMissingAtURI", "message": "not here"}}
            )
        return self.answer(200, document)

    do_POST = do_PATCH = do_DELETE = do_GET

    def answer(self, status, document=None, **headers):
        """Send a document, a dict as JSON, bytes as they are; underlines in names of headers are hyphens."""
        if status == 200 and isinstance(document, dict):
            document = {"@odata.id": self.path} | document
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"Content-Type": "application/json", "Content-Length": len(body)} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Sessions:
    """Session service for a Service: any user with PASSWORD gets a token, that works until ``end``."""

    def __init__(self, service):
        self.service = service
        self.valid = set()
        self.opened = 0
        self.basic = 0
        self._lock = threading.Lock()
        service.answers[f"POST {SESSIONS}"] = self._open
        for path in set(service.documents) - {ROOT}:
            service.answers.setdefault(f"GET {path}", self._guarded)

    def end(self):
        """Forget all sessions."""
        self.valid.clear()

    def _open(self, handler):
        if handler.body["Password"] != PASSWORD:
            return handler.answer(401, {"error": {"message": f"{handler.body['Password']} is wrong"}})
        with self._lock:
            self.opened += 1
            token = f"token{self.opened}"
            self.valid.add(token)
        location = f"{SESSIONS}/{token}"
        self.service.answers[f"DELETE {location}"] = lambda each: each.answer(204, b"")
        return handler.answer(201, {"Id": token}, X_Auth_Token=token, Location=self.service.url + location)

    def _guarded(self, handler):
        self.basic += "Authorization" in handler.headers
        if handler.headers.get("X-Auth-Token") in self.valid:
            return handler.answer(200, self.service.documents[handler.path])
        return handler.answer(401, {"error": {"message": "who are you?"}})


class RedfishTestCase(base.TestCase):
    """A test of the Redfish driver or of a part of it."""

    def setUp(self):
        super().setUp()
        self.conf = cfg.ConfigOpts()
        config.register(self.conf)
        self.conf([])
        self.configure(concurrency=1, connect_timeout=2, read_timeout=2)

    def configure(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, "redfish")

    def serve(self, documents=None, tls=False):
        """Return a Service with these documents besides a root that has links to those one level below it."""
        documents = documents or {}
        names = (path.removeprefix(ROOT) for path in documents)
        links = {name: {"@odata.id": ROOT + name} for name in names if "/" not in name}
        root = {"@odata.id": ROOT, "Id": "Root", "Links": {"Sessions": {"@odata.id": SESSIONS}}} | links
        return self.useFixture(Service({ROOT: root} | documents, self.make_folder() if tls else None))

    def pod_manager(self, url, **values):
        return models.PodManager(**({"name": "pod", "url": url, "username": "", "password": ""} | values))

    def connect(self, url, **values):
        """Return a driver for the pod manager at ``url``; ``values`` are fields of its record."""
        driver = redfish_driver.RedfishDriver(self.conf, self.pod_manager(url, **values))
        self.addCleanup(driver.close)
        return driver

    def crawl(self, service, etags=None, **values):
        return list(self.connect(service.url, **values).crawl(podmanagers_base.Etags(etags)))


def collection(*urls, **more):
    """Return a collection of links to these URLs."""
    return {"Name": "Collection", "Members": [{"@odata.id": url} for url in urls]} | more


def seen(items):
    """Return the Seen of a crawl by URL."""
    return {item.resource_url: item for item in items if isinstance(item, podmanagers_base.Seen)}


def unread(items):
    return [item for item in items if isinstance(item, podmanagers_base.Unread)]
