# SPDX-License-Identifier: Apache-2.0
"""A Redfish mockup folder served over HTTP, read-only, for tests."""

import functools
import http.server
import json
import pathlib
import threading
import urllib.parse

import fixtures

FOLDER = pathlib.Path(__file__).parent / "data" / "redfish-mockups"
ROOT = "/redfish/v1"


class RedfishMockup(fixtures.Fixture):
    """Serve the mockup ``name`` (a folder below ``tests/data/redfish-mockups``) at ``url``, without sign-in.

    ``requests`` lists the path of every request in the order of arrival.
    """

    def __init__(self, name, folder=FOLDER):
        super().__init__()
        self.folder = pathlib.Path(folder, name).resolve()
        self.requests = []

    def _setUp(self):
        if not self.folder.is_dir():
            raise FileNotFoundError(self.folder)
        documents = self.folder / "redfish" / "v1"
        handler = functools.partial(
            Handler, documents=documents if documents.is_dir() else self.folder, requests=self.requests
        )
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.addCleanup(server.server_close)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer GET and HEAD from ``documents``, everything else with a Redfish error document."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two of them wait 40 ms for each other
    disable_nagle_algorithm = True

    def __init__(self, *args, documents, requests, **kwargs):
        self.documents = documents
        self.requests = requests
        super().__init__(*args, **kwargs)

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.requests.append(path)
        if path.rstrip("/") == "/redfish":
            return self._answer(200, json.dumps({"v1": f"{ROOT}/"}).encode())
        found = document(self.documents, path)
        if found is None:
            return self._error(404, "Base.1.18.ResourceMissingAtURI", f"There is no resource at {path}.")
        return self._answer(200, found.read_bytes())

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._error(405, "Base.1.18.OperationNotAllowed", "A mockup can only be read.")

    do_PUT = do_PATCH = do_DELETE = do_POST

    def _error(self, status, code, message):
        self._answer(status, json.dumps({"error": {"code": code, "message": message}}).encode())

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("OData-Version", "4.0")
        self.send_header("Content-Length", str(len(body)))
        if status == 405:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def document(folder, path):
    """Return the file for the URL ``path`` below ``folder``, None where there is none or it lies outside."""
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        return None
    try:
        place = folder.joinpath(path.removeprefix(ROOT).strip("/")).resolve()
        if not place.is_relative_to(folder):
            return None
        return next((file for file in (place / "index.json", place) if file.is_file()), None)
    except (OSError, ValueError):  # too long a name, or one with a NUL
        return None
