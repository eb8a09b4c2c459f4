# SPDX-License-Identifier: Apache-2.0
"""An Elasticsearch for tests: it serves searches that scroll, as its version 1 or 8 does."""

import http.server
import json
import urllib.parse

from tests import fake_service


class Elasticsearch(fake_service.FakeService):
    """Serves the index ``freezer`` with ``hits`` at ``url``, some a page; ``scrolls`` counts pages.

    ``answer`` overwrites parts of the first page.
    """

    def __init__(self, hits, *, version=8, page=50, answer=None):
        super().__init__()
        self.hits, self.version, self.page = hits, version, page
        self.first = answer or {}
        self.scrolls = 0

    def _setUp(self):
        self.url = self.serve(_Handler)

    def answer(self, path, body, content_type):
        """Return status and document of an answer to a POST."""
        if self.version >= 6 and "json" not in content_type:
            return 406, {"error": "Content-Type header is not supported"}
        if path == "/freezer/_search":
            return 200, self._page(0) | self.first
        if path != "/_search/scroll":
            return 404, {"error": f"no such index [{path}]"}
        return self._scroll(body)

    def _scroll(self, body):
        if self.version == 1:
            return (
                (200, self._page(int(body)))
                if body.isdigit()
                else (400, {"error": "Failed to decode scrollId"})
            )
        return 200, self._page(int(json.loads(body)["scroll_id"]))

    def _page(self, start):
        self.scrolls += 1
        hits = self.hits[start : start + self.page]
        if self.version >= 7:
            hits = [{name: value for name, value in hit.items() if name != "_type"} for hit in hits]
        total = len(self.hits) if self.version < 7 else {"value": len(self.hits), "relation": "eq"}
        answer = {"_scroll_id": str(start + self.page), "hits": {"total": total, "hits": hits}}
        return answer | {"timed_out": False, "_shards": {"total": 5, "successful": 5, "failed": 0}}


class _Handler(http.server.BaseHTTPRequestHandler):
    elasticsearch: Elasticsearch

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = urllib.parse.urlsplit(self.path).path
        status, document = self.service.answer(path, body, self.headers.get("Content-Type") or "")
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Say nothing."""
