# SPDX-License-Identifier: Apache-2.0
"""One log line for each request, the same for all dialects."""

import logging

import flask

from valence.common import logs

#: characters of a method and of a URL that are logged
LONGEST_METHOD, LONGEST_URL = 20, 1000


def write(log: logging.Logger, request: flask.Request, status: int, seconds: float) -> None:
    """Write the line of a request to ``log``."""
    if log.isEnabledFor(logging.INFO):
        method = logs.printable(request.method[:LONGEST_METHOD])
        log.info("%s %r %d %.1f ms", method, url_of(request), status, seconds * 1000)


def url_of(request: flask.Request) -> str:
    """Return the URL of a request with its query as it was sent, without secrets and shortened."""
    query = logs.masked_query(request.environ.get("QUERY_STRING", ""))
    return logs.shortened(request.script_root + request.path + (f"?{query}" if query else ""), LONGEST_URL)
