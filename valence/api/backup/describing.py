# SPDX-License-Identifier: Apache-2.0
"""What the handlers of the backup service say of themselves."""

from valence.api import body as bodies
from valence.api import description
from valence.api.backup import answers
from valence.api.backup import schemas

#: statuses of requests that only ask, and of those that bring or change something
READING, WRITING = (400, 404), (400, 404, 409, 413, 422)

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
LIMIT = description.parameter("limit", _COUNT, "Most things of the page.")
MARKER = description.parameter("marker", _TEXT, "Name of the last thing of the page before.")
PAGING = (
    LIMIT,
    description.parameter("offset", _COUNT, "How many things to leave out before the page."),
    MARKER,
    description.parameter("sort", _TEXT, "Order: `name` or `name:desc`."),
    description.parameter("fields", _TEXT, "Names of a document to show, separated by commas."),
)
REPORTS = (
    LIMIT,
    MARKER,
    description.parameter("result", {"enum": schemas.RESULTS[1:]}, "How the runs ended."),
    description.parameter("since", _TIME, "Reports from this time on."),
    description.parameter("until", _TIME, "Reports before this time."),
)
EVERYWHERE = description.parameter("all_projects", {"type": "boolean"}, "Show the jobs of all projects.")


def verb(answered, *, parameters=(), body=None, example=None, needed=True, failures=(), **values):
    """Return the Description of a handler that answers with these schemas by status."""
    usual = WRITING if body or 204 in answered else READING
    return description.Description(
        parameters=tuple(parameters),
        body=body,
        body_example=example if body else None,
        media_types=(bodies.JSON,),
        needs_body=needed,
        answers=answered,
        failures=(*usual, *failures),
        dialect=answers.DIALECT,
        **values,
    )


def described(answered, **about):
    """Give a handler that is a function its Description."""

    def decorate(function):
        function.description = verb(answered, **about)
        return function

    return decorate
