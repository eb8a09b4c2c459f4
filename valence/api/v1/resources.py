# SPDX-License-Identifier: Apache-2.0
"""Resources, with ``?detail=true`` each with its live Redfish document, which a conductor reads from the pod manager.

One RPC call reads the documents of a page. While a pod manager hangs, a conductor refuses such calls. A refusal costs
calls and queries, so this process caches it until its Retry-After has passed. Then it sends one request at a time to a
conductor, until one finds that the pod manager answers again.
"""

import json
import math
import threading
import time
from collections import abc

import cachetools

from valence.api.http import handler
from valence.api.model import crud
from valence.api.model import query
from valence.common import bus_errors
from valence.common import context as contexts
from valence.common import errors
from valence.conductor import client
from valence.db import models

#: most rows of a page with documents
MOST_DETAILS = 100


class List(crud.List):
    """Shows a page of resources, with ``?detail=true`` their documents too."""

    extra = {"detail": query.flag}
    model = models.ResourceWithState

    def __init__(self, name="resources", where=()):
        super().__init__(self.model, name, [[field, "eq", wanted] for field, wanted in where])

    def detailed(self, call, asked):
        asked = asked._replace(limit=_detailed_limit(call, asked.limit))
        return handler.page(call, self.name, self._with_details(call, asked), asked)

    def _with_details(self, call, asked):
        """Return the answer of ``rows``, each row with its document or the errors of reading it."""
        answer = self.rows(call, asked._replace(fields=asked.fields and [*asked.fields, "uuid", "podm_id"]))
        rows = json.loads(answer["rows"])
        found = call.services.details.read(call.context, rows)
        shown = [_shown(call, row, found[row["uuid"]], asked.fields) for row in rows]
        return answer | {"rows": handler.encode(shown).decode()}


class Show(crud.Show):
    """Shows one resource, with ``?detail=true`` its document too."""

    extra = {"detail": query.flag}
    model = models.ResourceWithState

    def __init__(self, path="resources", where=()):
        super().__init__(self.model, path, where)

    def __call__(self, call, uuid):
        options = self.options(call)
        if options.get("detail"):
            call.services.details.require(self.path, self.checked_key(uuid))
        return self.answer(call, self.row(call, uuid), options)

    def answer(self, call, row, options):
        if not options.get("detail"):
            return super().answer(call, row, options)
        found = call.services.details.show(call.context, self.path, row)
        fields = options.get("fields")
        shown = {name: row[name] for name in fields} if fields else crud.with_links(call, self, row)
        return handler.document(call, shown | found)


def _detailed_limit(call, limit):
    """Return the size of a page with documents; raise ValidationFailed if the client asked for a larger one."""
    if limit > MOST_DETAILS and "limit" in dict(query.pairs(call.raw_query)):
        detail = f"With detail=true it must be between 1 and {MOST_DETAILS}."
        problem = {"path": "limit", "detail": detail, "hint": "Follow the link 'next' to get more."}
        raise errors.ValidationFailed(problems=[problem])
    return min(limit, MOST_DETAILS)


def _shown(call, row, found, fields):
    shown = {name: row[name] for name in fields} if fields else row
    if "error" not in found:
        return shown | {"detail": found["detail"]}
    return shown | {"detail": None, "errors": [shown_problem(found["error"], call.context.request_id)]}


#: most pod managers that hang, and most resources of them, in the caches
MOST_HANGING, MOST_RESOURCES = 1000, 10_000


class Unreadable(errors.PodManagerError):
    """The document of a resource could not be read; ``problem`` is the error from ``client.Resources.details``."""

    message = "{problem[detail]}"
    hint = "{problem[hint]}"

    def __init__(self, problem: dict):
        super().__init__(problem=problem)
        self.status = problem.get("status", self.status)
        self.code = problem.get("code", self.code)
        self.title = problem.get("title", self.title)
        # Conductors of an earlier version do not send it.
        by_status = errors.Unavailable.retry_after if self.status == 503 else None
        self.retry_after = problem.get("retry_after") or by_status


class Details:
    """Reads live documents by one RPC call a page, except those of pod managers that hang."""

    def __init__(self, conductor: client.Conductor):
        self._conductor = conductor
        self.hanging = Hanging()
        self._lock = threading.Lock()
        # (path, UUID) of a resource -> UUID of its pod manager, which hung
        self._resources: cachetools.LRUCache = cachetools.LRUCache(MOST_RESOURCES)

    def require(self, path: str, uuid: str) -> None:
        """Raise Unreadable if this process knows that the pod manager of a resource hangs."""
        with self._lock:
            pod_manager = self._resources.get((path, uuid))
        if pod_manager and (problem := self.hanging.problem(pod_manager)):
            raise Unreadable(problem)

    def show(self, context: contexts.RequestContext, path: str, row: dict) -> dict:
        """Return ``{"detail": document}`` of the resource at ``path``; raise Unreadable, Busy."""
        found = self.read(context, [row])[row["uuid"]]
        if "error" not in found:
            return found
        if found["error"]["code"] == bus_errors.PodManagerHangs.code:
            with self._lock:
                self._resources[path, row["uuid"]] = row["podm_id"]
        raise Unreadable(found["error"])

    def read(self, context: contexts.RequestContext, rows: list[dict]) -> dict:
        """Return ``{uuid: {"detail": document} or {"error": problem}}`` of rows with uuid and podm_id; raise Busy."""
        pod_managers = {row["podm_id"] for row in rows}
        refused = {each: problem for each in pod_managers if (problem := self.hanging.begin(each))}
        asked = [row for row in rows if row["podm_id"] not in refused]
        answers: dict = {}
        try:
            answers = self._ask(context, asked)
        finally:
            for each in pod_managers - refused.keys():
                mine = [answers.get(row["uuid"]) for row in asked if row["podm_id"] == each]
                self.hanging.end(each, [answer for answer in mine if answer])
        return {
            row["uuid"]: {"error": refused[row["podm_id"]]}
            if row["podm_id"] in refused
            else answers.get(row["uuid"], _gone(row))
            for row in rows
        }

    def _ask(self, context, rows):
        if not rows:
            return {}
        owners = {row["podm_id"] for row in rows}
        one = owners.pop() if len(owners) == 1 else None
        return self._conductor.resources.details(context, [row["uuid"] for row in rows], pod_manager=one)


class Hanging:
    """Pod managers that hang: the problem that a conductor reported, and when a conductor may be called again."""

    def __init__(self, clock: abc.Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._entries: cachetools.LRUCache = cachetools.LRUCache(MOST_HANGING)

    def problem(self, pod_manager: str) -> dict | None:
        """Return the problem to answer with; None to call a conductor."""
        with self._lock:
            return self._problem(self._entries.get(pod_manager))

    def begin(self, pod_manager: str) -> dict | None:
        """Return the problem to answer with; None if the caller shall call a conductor, and then ``end``."""
        with self._lock:
            entry = self._entries.get(pod_manager)
            problem = self._problem(entry)
            if entry and not problem:
                entry["is_tried"] = True
        return problem

    def end(self, pod_manager: str, answers: list[dict]) -> None:
        """Evaluate a conductor's answers for resources of a pod manager."""
        problems = [each.get("error") for each in answers]
        hang = next(
            (each for each in problems if each and each["code"] == bus_errors.PodManagerHangs.code), None
        )
        with self._lock:
            if hang:
                until = self._clock() + hang["retry_after"]
                self._entries[pod_manager] = {"problem": hang, "until": until, "is_tried": False}
            elif any(each is None or _has_answered(each) for each in problems):
                self._entries.pop(pod_manager, None)
            elif entry := self._entries.get(pod_manager):
                entry["is_tried"] = False

    def _problem(self, entry):
        if not entry:
            return None
        left = entry["until"] - self._clock()
        if left <= 0 and not entry["is_tried"]:
            return None
        return entry["problem"] | {"retry_after": max(1, math.ceil(left))}


def _has_answered(problem):
    """Return whether a problem shows that the pod manager answered."""
    return problem["status"] != 503 and problem["code"] != errors.PodManagerUnreachable.code


def shown_problem(error: dict, request_id: str) -> dict:
    """Return the error of one document as a row of a page shows it."""
    failure = Unreadable(error)
    return handler.shown(failure.problems[0], failure, request_id)


def _gone(row):
    """Return the answer for a resource that was removed after it was listed."""
    error = errors.NotFound(kind="resource", key=row["uuid"])
    return {"error": error.problems[0] | {"code": error.code, "status": error.status, "title": error.title}}
