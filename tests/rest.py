# SPDX-License-Identifier: Apache-2.0
"""A small client of the REST API, for tests."""

import requests

#: rows of a page
PAGE = 1000
TIMEOUT = 60


class Client:
    """Talks JSON to the API at ``url``; ``rows`` asks for ``page`` rows at a time."""

    page = PAGE

    def __init__(self, url):
        self.url = url
        self._session = requests.Session()

    def request(self, method, path, **keywords):
        """Return the response, whatever its status; keywords are those of ``requests``."""
        url = path if path.startswith("http") else f"{self.url}{path}"
        return self._session.request(method, url, **{"timeout": TIMEOUT} | keywords)

    def get(self, path, **parameters):
        """Return the document at ``path``; fail unless the answer is good."""
        return self._good(self.request("GET", path, params=parameters))

    def post(self, path, document=None, **keywords):
        """Return what a good POST is answered with."""
        return self._good(self.request("POST", path, json=document, **keywords))

    def patch(self, path, document, **keywords):
        """Return what a good PATCH is answered with."""
        return self._good(self.request("PATCH", path, json=document, **keywords))

    def rows(self, path, **parameters):
        """Return all rows of a list, page after page."""
        name, rows = path.rpartition("/")[2], []
        page = self.get(path, limit=self.page, **parameters)
        while True:
            rows += page[name]
            following = [link["href"] for link in page["links"] if link["rel"] == "next"]
            if not following:
                return rows
            page = self.get(following[0])

    def status(self, path="/readyz"):
        """Return the status code of a GET, None while nobody listens."""
        try:
            return self.request("GET", path).status_code
        except requests.ConnectionError:
            return None

    def _good(self, response):
        if not response.ok:
            raise AssertionError(
                f"{response.request.method} {response.url}: {response.status_code} {response.text}"
            )
        return response.json() if response.content else None
