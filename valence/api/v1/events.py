# SPDX-License-Identifier: Apache-2.0
"""Events: a paged history and, on the same URL, a server-sent stream (WHATWG HTML, section 9.2)."""

import dataclasses
import logging
import operator
import re
import time

import flask

from valence.api import body
from valence.api import crud
from valence.api import formats
from valence.api import query
from valence.api import render
from valence.common import errors
from valence.db import models
from valence.db.models import event

LOG = logging.getLogger(__name__)

#: the rule that allows to see the events of the backup service
OF_PROJECTS = "valence:events:of_projects"
STREAM = "text/event-stream"
#: seconds after which a silent stream says that it lives, and after which any stream ends: its client comes back
#: with Last-Event-ID and new credentials. The two writes that find a closed connection, where the server does not tell
#: of it, are these seconds apart.
KEEP_ALIVE, LONGEST = 5, 3600
#: what Valence's own server puts into the WSGI environment: it tells at once that a client is gone
EXCHANGE = "valence.exchange"

MATCHES = {
    "eq": operator.eq,
    "neq": operator.ne,
    "in": lambda value, wanted: value in wanted,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _since(text):
    """Return what ``since`` names: ("sequence", number), ("uuid", text) of the last known event, or ("time", text)."""
    if re.fullmatch("[0-9]{1,18}", text):
        return "sequence", int(text)
    if formats.is_uuid(text):
        return "uuid", text.lower()
    try:
        return "time", formats.timestamp(text)
    except ValueError:
        raise ValueError("It is not a sequence number, not the UUID of an event and not a time.") from None


class List(crud.List):
    """Shows a page of events, the oldest first, or a stream of them."""

    extra = {"since": _since, "stream": query.boolean}

    def __init__(self):
        super().__init__(models.Event, sort=[["sequence", False]])

    def __call__(self, call):
        asked = _allowed(call, self.parse(call))
        if asked.extra.get("stream") or call.http.accept_mimetypes.best == STREAM:
            return self._stream(call, asked)
        if "since" in asked.extra:
            asked = asked._replace(filters=[*asked.filters, _after(call, asked.extra["since"])])
        return self.answer(call, asked)

    @property
    def description(self):
        return dataclasses.replace(super().description, answer_types=(body.JSON, STREAM), failures=(400, 404))

    def _stream(self, call, asked):
        _refuse_paging(call)
        cursor = _cursor(call, asked)
        if call.http.method == "HEAD":
            return flask.Response(content_type=STREAM)
        place = call.services.feed.join(call.context.user_id or call.http.remote_addr or "")
        response = flask.Response(_frames(call, asked, cursor, place), content_type=STREAM)
        response.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back until its buffer is full
        response.call_on_close(place.close)
        if exchange := call.http.environ.get(EXCHANGE):
            exchange.when_gone(place.close)
        return response


def _allowed(call, asked):
    """Return a Query without what belongs to projects, unless whoever asks works for all of them."""
    if call.policy.allows(OF_PROJECTS, call.context):
        return asked
    return asked._replace(filters=[*asked.filters, ["object_kind", "in", list(event.SHARED)]])


def _after(call, since):
    """Return the filter for what follows ``since``; an event that is not there any more is refused."""
    form, wanted = since
    if form == "time":
        return ["created_at", "gte", wanted]
    if form == "uuid":
        wanted = call.conductor.records.get(call.context, "Event", wanted, fields=["sequence"])["sequence"]
    return ["sequence", "gt", wanted]


def _refuse_paging(call):
    given = [name for name, _ in query.pairs(call.raw_query) if name in ("limit", "marker", "sort")]
    problems = [{"path": name, "detail": "A stream has no pages.", "hint": "Leave it out."} for name in given]
    if problems:
        raise errors.ValidationFailed(problems=problems)


def _cursor(call, asked):
    """Return the sequence number after which the stream begins: the last known one, or the newest there is."""
    last = call.http.headers.get("Last-Event-ID")
    if last is not None and not re.fullmatch("[0-9]{1,18}", last):
        raise errors.BadRequest(reason="Last-Event-ID must be the id of an event of this stream, a number.")
    newest = call.services.feed.newest(call.context)
    if last is not None:
        return min(int(last), newest)
    return _before(call, _after(call, asked.extra["since"]), newest) if "since" in asked.extra else newest


def _before(call, condition, newest):
    """Return the sequence number of the event before the first one that meets ``condition``."""
    if condition[0] == "sequence":
        return min(condition[2], newest)
    first = call.services.feed.first(call.context, condition)
    return newest if first is None else first - 1


def _frames(call, asked, cursor, place):
    """Yield the stream's frames until it is stopped, has lasted long enough, or its client's credentials expire."""
    feed, end = call.services.feed, time.monotonic() + LONGEST
    end = min(end, call.context.expires or end)
    yield b"retry: 2000\n\n"
    while place.is_open and not feed.stopped and (left := end - time.monotonic()) > 0:
        events, cursor = _next(feed, call, cursor, min(left, KEEP_ALIVE), place)
        frames = [_frame(event, asked.fields) for event in events if _wanted(event, asked.filters)]
        yield b"".join(frames) or b": still here\n\n"


def _next(feed, call, cursor, timeout, place):
    try:
        return feed.after(call.context, cursor, timeout, place)
    except errors.ValenceError as error:
        LOG.warning("A stream cannot read events, retrying: %s", error.detail)
        feed.pause()
        return [], cursor


def _wanted(event, filters):
    return all(_matches(event[name], comparison, wanted) for name, comparison, wanted in filters)


def _matches(value, comparison, wanted):
    if value is None and comparison not in ("eq", "neq", "in"):
        return False
    return MATCHES[comparison](value, wanted)


def _frame(event, fields):
    shown = {name: event[name] for name in fields} if fields else event
    head = f"id: {event['sequence']}\nevent: {event['event_type']}\ndata: ".encode()
    return head + render.encode(shown) + b"\n\n"
