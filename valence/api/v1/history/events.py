# SPDX-License-Identifier: Apache-2.0
"""Events: a paged history and, on the same URL, a server-sent stream (WHATWG HTML, section 9.2)."""

import dataclasses
import logging
import operator
import time

import flask

from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.api.model import schemas
from valence.common import errors
from valence.db import models
from valence.db.models import event
from valence.db.models.event import Position

LOG = logging.getLogger(__name__)

#: policy rule that allows to see the events of the backup service
OF_PROJECTS = "valence:events:of_projects"
STREAM = "text/event-stream"
#: seconds after which a silent stream sends a comment, and after which a stream ends: its client reconnects with
#: Last-Event-ID and new credentials. A server that does not report a closed connection needs two writes to notice it,
#: KEEP_ALIVE seconds apart.
KEEP_ALIVE, LONGEST = 5, 3600
#: key of the WSGI environment of Valence's own server: an object that reports at once when a client disconnects
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
    """Return what ``since`` names: ("position", Position), ("uuid", text) of an event, or ("time", text)."""
    if position := Position.parse(text):
        return "position", position
    if schemas.is_uuid(text):
        return "uuid", text.lower()
    try:
        return "time", schemas.timestamp(text)
    except ValueError:
        raise ValueError(
            "It is not a sequence number, not the id of an event in a stream, not the UUID of an event and not a time."
        ) from None


class List(crud.List):
    """Shows a page of events, the oldest first, or a stream of them."""

    extra = {"since": _since, "stream": query.flag}

    def __init__(self):
        super().__init__(models.Event, sort=[["sequence", False]])

    def __call__(self, call):
        asked, seen = self.parse(call), _visible(call)
        asked = asked._replace(filters=[*asked.filters, *seen])
        if asked.extra.get("stream") or call.http.accept_mimetypes.best == STREAM:
            return self._stream(call, asked)
        self.require_marker(call, asked, seen)
        if "since" in asked.extra:
            asked = asked._replace(filters=[*asked.filters, _after(call, asked.extra["since"])])
        return self.answer(call, asked)

    @property
    def description(self):
        return dataclasses.replace(
            super().description, answer_types=(request_body.JSON, STREAM), failures=(400, 404)
        )

    def _stream(self, call, asked):
        _refuse_paging(call)
        cursor = _cursor(call, asked)
        if call.http.method == "HEAD":
            return flask.Response(content_type=STREAM)
        place = call.services.feed.join(call.context.user_id or call.http.remote_addr or "")
        response = flask.Response(_frames(call, asked, cursor, place), content_type=STREAM)
        response.headers["X-Accel-Buffering"] = "no"  # nginx would delay events until its buffer is full
        response.call_on_close(place.close)
        if exchange := call.http.environ.get(EXCHANGE):
            exchange.when_gone(place.close)
        return response


def _visible(call):
    """Return the filters of the events that the client may see: the shared ones and its project's, or none for all."""
    if call.policy.allows(OF_PROJECTS, call.context):
        return []
    kinds = ["object_kind", "in", [*event.SHARED, *event.OF_PROJECTS]]
    mine = ["project_id", "in", [None, call.context.project_id or ""]]
    return [kinds, mine]


def _after(call, since):
    """Return the filter for the events after ``since``; raise NotFound for an event that was removed, or is hidden."""
    form, wanted = since
    if form == "time":
        return ["created_at", "gte", wanted]
    if form == "position":
        wanted = call.services.feed.position(call.context, wanted).number
    if form == "uuid":
        wanted = _event(call, wanted)["sequence"]
    return ["sequence", "gt", wanted]


def _event(call, uuid):
    """Return the sequence number of an event that the client may see, and whose it is; raise NotFound."""
    names = ["sequence", "object_kind", "project_id"]
    found = call.conductor.records.get(call.context, "Event", uuid, fields=names)
    if not _wanted(found, _visible(call)):
        raise errors.NotFound(kind=models.Event.kind, key=uuid)
    return found


def _refuse_paging(call):
    given = [name for name, _ in query.pairs(call.raw_query) if name in query.PAGING and name != "fields"]
    problems = [{"path": name, "detail": "A stream has no pages.", "hint": "Leave it out."} for name in given]
    if problems:
        raise errors.ValidationFailed(problems=problems)


def _cursor(call, asked):
    """Return the position after which the stream begins: the last one that the client knows, or the newest."""
    last = call.http.headers.get("Last-Event-ID")
    known = None if last is None else Position.parse(last)
    if last is not None and known is None:
        raise errors.BadRequest(
            reason="Last-Event-ID must be the id of an event of this stream, such as 1795232222000-41 or 41."
        )
    form, wanted = asked.extra.get("since", (None, None)) if last is None else ("position", known)
    if form in (None, "position"):
        return call.services.feed.position(call.context, wanted)
    newest = call.services.feed.position(call.context, None)
    return newest._replace(number=_before(call, _after(call, (form, wanted)), newest.number))


def _before(call, condition, newest):
    """Return the sequence number of the event before the first one that meets ``condition``."""
    if condition[0] == "sequence":
        return min(condition[2], newest)
    first = call.services.feed.first(call.context, condition)
    return newest if first is None else first - 1


def _frames(call, asked, cursor, place):
    """Yield the stream's frames until it is stopped, LONGEST has passed, or its client's credentials expire."""
    feed, end = call.services.feed, time.monotonic() + LONGEST
    end = min(end, call.context.expires or end)
    yield b"retry: 2000\n\n"
    while place.is_open and not feed.stopped and (left := end - time.monotonic()) > 0:
        events, cursor = _next(feed, call, cursor, min(left, KEEP_ALIVE), place)
        wanted = [event for event in events if _wanted(event, asked.filters)]
        frames = [_frame(event, asked.fields, feed.epochs.label(event["sequence"])) for event in wanted]
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


def _frame(event, fields, label):
    shown = {name: event[name] for name in fields} if fields else event
    head = f"id: {label}\nevent: {event['event_type']}\ndata: ".encode()
    return head + handler.encode(shown) + b"\n\n"
