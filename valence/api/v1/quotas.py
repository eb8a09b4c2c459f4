# SPDX-License-Identifier: Apache-2.0
"""Quotas: limits of projects, and what their nodes have. A client sees that of its own project; administrators all."""

import typing
import urllib.parse

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.api.model import schemas
from valence.common import errors
from valence.db import models
from valence.db.models import quota

#: rule of the policy: the quotas of all projects
OF_PROJECTS = "valence:quotas:of_projects"

#: most characters of the ID of a project
LONGEST = models.Quota.fields["project_id"].max

_LIMITS = {
    "type": "object",
    "description": "Limits by resource; what is not named stays as it is.",
    "properties": {name: field.schema() for name, field in quota.Limits.fields.items()},
    "additionalProperties": False,
    "examples": [{"nodes": 10, "cores": 256}],
}
_UPDATE = schemas.Validator(models.Quota, "update", {"limits": _LIMITS})


def _own(call: handler.Call) -> str | None:
    """Return the key of the only quota that the client may see, None if it may see all."""
    if call.policy.allows(OF_PROJECTS, call.context):
        return None
    return quota.key_of(call.context.project_id or "")


def _is_project(text: str) -> bool:
    """Return whether a text of a URL may be a project; U+FFFD stands for bytes that are not UTF-8."""
    is_text = text.isprintable() and not {"/", "\ufffd"} & set(text) and text.strip() == text
    return is_text and 1 <= len(text) <= LONGEST and bool(text.strip("."))


def _checked(project_id: str) -> str:
    """Return a project from a URL; raise NotFound for what cannot be one."""
    if not _is_project(project_id):
        raise errors.NotFound(kind="quota", key=project_id[:64])
    return project_id


def _writable(project_id: str) -> str:
    """Return a project from a URL that limits are set for; raise ValidationFailed for what cannot be one."""
    if not _is_project(project_id):
        detail = f"{ascii(project_id[:LONGEST])} cannot be the ID of a project."
        hint = f"Give 1 to {LONGEST} printable characters, not dots alone, without / and spaces at the ends."
        raise errors.ValidationFailed(problems=[{"path": "project_id", "detail": detail, "hint": hint}])
    return project_id


def _expected(call: handler.Call, key: str) -> dict[str, typing.Any]:
    """Return the limits that If-Match requires as the option ``expected``, if any; raise RevisionMismatch."""
    tags = handler.strong_tags(call.http)
    if tags is None:
        return {}
    row = call.conductor.quotas.get(call.context, key)
    if handler.strong_tag(handler.encode(row | {"links": _links(call, row)})) not in tags:
        raise errors.RevisionMismatch(kind=models.Quota.kind, key=key)
    return {"expected": row["limits"]}


def _links(call: handler.Call, row: typing.Mapping[str, typing.Any]) -> list[dict[str, str]]:
    return [handler.link(call, "self", f"/v1/quotas/{urllib.parse.quote(row['project_id'], safe='')}")]


class List(crud.List):
    """Shows a page of quotas: those of the projects that have limits of their own, or the client's own."""

    def __init__(self) -> None:
        super().__init__(models.QuotaWithUse)

    def rows(self, call, asked):
        quotas, own = call.conductor.quotas, _own(call)
        return crud.page(
            asked,
            lambda: quotas.list(call.context, own, **asked.arguments()),
            lambda: quotas.count(call.context, own, filters=asked.filters),
        )


class Show(crud.Show):
    """Shows the quota of one project; each project has one."""

    def __init__(self) -> None:
        super().__init__(models.QuotaWithUse)

    def __call__(self, call, project_id):
        return super().__call__(call, project_id)

    def row(self, call, project_id):
        key = _checked(project_id)
        if _own(call) not in (None, key):
            raise errors.NotFound(kind="quota", key=key)
        return call.conductor.quotas.get(call.context, key)

    def links(self, call, row):
        return _links(call, row)


@descriptions.described(
    parameters=(descriptions.IF_MATCH,),
    body=_UPDATE.schema,
    body_name="QuotaUpdate",
    body_example={"limits": {"nodes": 10, "cores": 256}},
    media_types=(request_body.MERGE_PATCH, request_body.JSON),
    answers={200: descriptions.reference("QuotaWithUse")},
    failures=(400, 404, 409, 412, 413, 415),
)
def update(call, project_id):
    """Set limits of a project; PUT and PATCH are the same. What the project has already stays, also above a limit."""
    query.options(call.raw_query, {})
    key = _writable(project_id)
    media_types = (request_body.MERGE_PATCH, request_body.JSON)
    document = request_body.read(call.http, media_types, call.settings.limits)
    limits = _UPDATE.values(document, call.settings.max_json_depth).get("limits") or {}
    # JSON Schema calls 10.0 a whole number.
    whole = {name: limit if limit is None else int(limit) for name, limit in limits.items()}
    row = call.conductor.quotas.update(call.context, key, whole, **_expected(call, key))
    return handler.document(call, row | {"links": _links(call, row)})
