# SPDX-License-Identifier: Apache-2.0
"""A Redfish mockup folder served over HTTP, read-only, for tests."""

import functools
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
import zlib

import fixtures

FOLDER = pathlib.Path(__file__).parent / "data" / "redfish-mockups"
ROOT = "/redfish/v1"
LEVELS = re.compile(r"\$expand=\.\(\$levels=(\d)\)")
FEATURES = {
    "ExpandQuery": {"ExpandAll": True, "Levels": True, "Links": True, "NoLinks": True, "MaxLevels": 5}
}


class RedfishMockup(fixtures.Fixture):
    """Serve the mockup ``name`` (a folder below ``tests/data/redfish-mockups``) at ``url``, without sign-in.

    ``requests`` lists the path of every request in the order of arrival, ``statuses`` what each was answered.
    ``features`` are what the service can do besides: "expand", "etags" (of the bytes of an answer).
    """

    def __init__(self, name, folder=FOLDER, features=()):
        super().__init__()
        self.folder = pathlib.Path(folder, name).resolve()
        self.features = frozenset(features)
        self.requests = []
        self.statuses = []

    def _setUp(self):
        if not self.folder.is_dir():
            raise FileNotFoundError(self.folder)
        documents = self.folder / "redfish" / "v1"
        handler = functools.partial(
            Handler, documents=documents if documents.is_dir() else self.folder, mockup=self
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

    def __init__(self, *args, documents, mockup, **kwargs):
        self.documents = documents
        self.mockup = mockup
        super().__init__(*args, **kwargs)

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.mockup.requests.append(path)
        if path.rstrip("/") == "/redfish":
            return self._answer(200, json.dumps({"v1": f"{ROOT}/"}).encode())
        found = document(self.documents, path)
        if found is None:
            return self._error(404, "Base.1.18.ResourceMissingAtURI", f"There is no resource at {path}.")
        body, levels = found.read_bytes(), LEVELS.search(urllib.parse.unquote(self.path))
        if "expand" not in self.mockup.features:
            return self._answer(200, body)
        if path.rstrip("/") == ROOT:
            body = json.dumps(json.loads(body) | {"ProtocolFeaturesSupported": FEATURES}).encode()
        elif levels:
            body = json.dumps(self._expanded(json.loads(body), int(levels[1]))).encode()
        return self._answer(200, body)

    def _expanded(self, value, levels):
        """Return a value with the documents that it links to, but not those below Links, down to ``levels``."""
        if isinstance(value, list):
            return [self._expanded(each, levels) for each in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"@odata.id"}:
            found = levels > 0 and document(self.documents, value["@odata.id"].partition("#")[0])
            is_part = "#" in value["@odata.id"]
            return (
                self._expanded(json.loads(found.read_bytes()), levels - 1) if found and not is_part else value
            )
        return {
            name: each if name == "Links" else self._expanded(each, levels) for name, each in value.items()
        }

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._error(405, "Base.1.18.OperationNotAllowed", "A mockup can only be read.")

    do_PUT = do_PATCH = do_DELETE = do_POST

    def _error(self, status, code, message):
        self._answer(status, json.dumps({"error": {"code": code, "message": message}}).encode())

    def _answer(self, status, body):
        etag = f'"{zlib.crc32(body):08x}"' if "etags" in self.mockup.features and status == 200 else None
        if etag and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        self.mockup.statuses.append(status)
        self.send_response(status)
        if etag:
            self.send_header("ETag", etag)
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
