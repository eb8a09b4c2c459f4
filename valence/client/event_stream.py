# SPDX-License-Identifier: Apache-2.0
"""Events: a history in pages, and a stream of server-sent events (WHATWG HTML, section 9.2) that survives outages."""

import contextlib
import json
import time
import typing
from collections import abc

import requests

from valence.client import collection
from valence.client import errors
from valence.client import rows

#: seconds after which a stream without even a comment is taken for dead: the API sends one every 5 s
SILENCE = 20.0
#: seconds before a stream is opened again, at first and at most
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
#: events that are known, so that one that is sent twice is yielded once
KNOWN = 10_000


class Events(collection.Collection):
    """What changed, the oldest first."""

    def find(self, name: str, **options: typing.Any) -> rows.Row:
        """Return the event with a UUID; raise NotFound."""
        for row in self.list(uuid=f"eq:{name}", limit=1, **options):
            return row
        raise errors.NotFound(f"There is no event {name}.", hint="Events are kept for 30 days.", status=404)

    def follow(
        self, since: str | int | None = None, *, filters: collection.Filters = (), **query: typing.Any
    ) -> abc.Iterator[rows.Row]:
        """Yield events as they happen, each once, in their order, until the caller stops.

        ``since`` begins after a sequence number, the id or the UUID of an event, or at a time; without it, now. When
        the connection ends, it is opened again after the last event; an error of the request itself is raised.
        ``query`` and ``filters`` are those of lists.
        """
        asked = [*filters, *query.items(), ("stream", True)]
        given = [(name, collection.text(value)) for name, value in asked if value is not None]
        # The position is fixed before the first connection: events between two connections are not lost.
        begin = ("since", str(self._newest() if since is None else since))
        last, pause = "", FIRST_PAUSE
        known: dict[str, None] = {}
        while True:
            with contextlib.suppress(requests.RequestException, errors.Unreachable, errors.Unavailable):
                for label, values in _frames(self._open(given, begin, last)):
                    last, pause = label, FIRST_PAUSE
                    identifier = values.get("uuid", label)  # the caller may have asked for other fields
                    if identifier not in known:
                        known[identifier] = None
                        yield self.row(values)
                    if len(known) > KNOWN:
                        del known[next(iter(known))]
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _newest(self) -> int:
        """Return the sequence number of the newest event, 0 if there is none."""
        return next((row["sequence"] for row in self.list(sort="sequence:desc", limit=1)), 0)

    def _open(self, given: list[tuple[str, str]], begin: tuple[str, str], last: str) -> requests.Response:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        parameters = given if last else [*given, begin]
        return self._api.call(
            "GET", f"/{self.path}", params=parameters, headers=headers, stream=True, timeout=SILENCE
        )


def _frames(response: requests.Response) -> abc.Iterator[tuple[str, dict[str, typing.Any]]]:
    """Yield the id and the document of each event of a stream; raise RequestException when it breaks."""
    fields: dict[str, str] = {}
    # As it comes: chunk by chunk or, where there are no chunks, byte by byte; larger pieces are waited for.
    size = None if getattr(response.raw, "chunked", False) else 1
    with response:
        for line in response.iter_lines(chunk_size=size):  # type: ignore[arg-type]
            name, _, value = line.decode().partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif not line:
                if "data" in fields:
                    yield fields["id"], json.loads(fields["data"])
                fields = {}
