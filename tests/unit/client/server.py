# SPDX-License-Identifier: Apache-2.0
"""An API that answers what a test says, below the sessions of keystoneauth1, and a client of it."""

import io
import json
import os

import requests
from keystoneauth1 import noauth
from keystoneauth1 import session as sessions

from valence import client

URL = "http://valence.test:8181"


class Server(requests.adapters.BaseAdapter):
    """Answers requests with ``answers`` in their order, and keeps the ``requests`` and their ``timeouts``.

    An answer is a document, a tuple of a status, a document and headers, or an exception to raise.
    """

    def __init__(self, *answers):
        super().__init__()
        self.answers, self.requests, self.timeouts = list(answers), [], []

    def send(self, request, **keywords):
        self.requests.append(request)
        self.timeouts.append(keywords["timeout"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, document, headers = answer if isinstance(answer, tuple) else (200, answer, {})
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.reason = "as the test says"
        response.headers.update({"Content-Type": "application/json"} | headers)
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        response.raw = io.BytesIO(b"" if document is None else data)
        return response

    def close(self):
        pass

    def client(self, url=URL):
        """Return a client whose requests come here."""
        http = requests.Session()
        http.mount("http://", self)
        mine = sessions.Session(auth=noauth.NoAuth(endpoint=client.endpoint(url)), session=http)
        adapter = client.connect(url, session=mine)
        adapter.status_code_retry_delay = adapter.connect_retry_delay = 0.001
        return adapter

    def paths(self):
        """Return the methods and the paths of the requests, with their queries."""
        return [f"{each.method} {each.path_url}" for each in self.requests]


def environment():
    """Return the environment of a process that shall find no cloud in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "VALENCE_"))}


def problem(status, code="valence.not_found", detail="There is none.", hint="Look.", **more):
    """Return an answer with one error."""
    known = {"code": code, "status": status, "title": "T", "detail": detail, "hint": hint}
    return status, {"errors": [known | {"request_id": "req-1"} | more]}, {}


def page(name, *rows, following=None):
    """Return a page of a list; ``following`` is the query of the next one."""
    links = [{"rel": "self", "href": "http://other/v1"}]
    if following:
        links.append({"rel": "next", "href": f"http://other/v1/{name}?{following}"})
    return {name: list(rows), "links": links}
