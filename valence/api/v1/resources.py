# SPDX-License-Identifier: Apache-2.0
"""Resources with their live documents, read from their pod managers by one RPC call a page."""

import json

from valence.api import crud
from valence.api import errors as rendering
from valence.api import query
from valence.api import render
from valence.common import errors
from valence.db import models

#: most rows of a page whose documents are read
MOST_DETAILS = 100


class List(crud.List):
    """Shows a page of resources, with ``?detail=true`` their documents too."""

    extra = {"detail": query.boolean}

    def __init__(self, name="resources", where=()):
        super().__init__(models.ResourceWithState, name, [[field, "eq", wanted] for field, wanted in where])

    def __call__(self, call):
        asked = self.parse(call)
        if not asked.extra.get("detail"):
            return self.answer(call, asked)
        asked = asked._replace(limit=_detailed_limit(call, asked.limit))
        return render.page(call, self.name, self._with_details(call, asked), asked)

    def _with_details(self, call, asked):
        """Return what ``rows`` returns, each row with its document or with why there is none."""
        answer = self.rows(call, asked._replace(fields=asked.fields and [*asked.fields, "uuid", "podm_id"]))
        rows = json.loads(answer["rows"])
        details = _details(call, rows) if rows else {}
        shown = [_shown(call, row, details, asked.fields) for row in rows]
        return answer | {"rows": render.encode(shown).decode()}


class Show(crud.Show):
    """Shows one resource, with ``?detail=true`` its document too."""

    extra = {"detail": query.boolean}

    def __init__(self, path="resources", where=()):
        super().__init__(models.ResourceWithState, path, where)

    def answer(self, call, row, options):
        if not options.get("detail"):
            return super().answer(call, row, options)
        found = _details(call, [row]).get(row["uuid"], _gone(row))
        if "error" in found:
            raise Unreadable(problem=found["error"])
        fields = options.get("fields")
        shown = {name: row[name] for name in fields} if fields else crud.with_links(call, self, row)
        return render.document(call, shown | found)


class Unreadable(errors.PodManagerError):
    """A resource whose document could not be read: ``problem`` is what ``client.Resources.details`` told."""

    message = "{problem[detail]}"
    hint = "{problem[hint]}"

    def __init__(self, problem):
        super().__init__(problem=problem)
        self.status = problem.get("status", self.status)
        self.code = problem.get("code", self.code)
        self.title = problem.get("title", self.title)
        self.retry_after = errors.Unavailable.retry_after if self.status == 503 else None


def _details(call, rows):
    owners = {row["podm_id"] for row in rows}
    return call.conductor.resources.details(
        call.context, [row["uuid"] for row in rows], pod_manager=owners.pop() if len(owners) == 1 else None
    )


def _detailed_limit(call, limit):
    """Return the size of a page whose documents are read; a larger one that the client asked for is refused."""
    if limit > MOST_DETAILS and "limit" in dict(query.pairs(call.raw_query)):
        detail = f"With detail=true it must be between 1 and {MOST_DETAILS}."
        problem = {"path": "limit", "detail": detail, "hint": "Follow the link 'next' to get more."}
        raise errors.ValidationFailed(problems=[problem])
    return min(limit, MOST_DETAILS)


def _shown(call, row, details, fields):
    shown = {name: row[name] for name in fields} if fields else row
    found = details.get(row["uuid"], _gone(row))
    if "error" not in found:
        return shown | {"detail": found["detail"]}
    error = Unreadable(problem=found["error"])
    return shown | {
        "detail": None,
        "errors": [rendering.shown(error.problems[0], error, call.context.request_id)],
    }


def _gone(row):
    """Return what is told of a resource that was removed since it was listed."""
    error = errors.NotFound(kind="resource", key=row["uuid"])
    return {"error": error.problems[0] | {"code": error.code, "status": error.status, "title": error.title}}
