# SPDX-License-Identifier: Apache-2.0
"""Flavors: requirements in their normal form, whichever form a body gives them in."""

import typing

from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import schemas
from valence.common import errors
from valence.composition import requirements
from valence.db import models

_DOC = models.Flavor.fields["properties"].doc


class Form(schemas.Validator):
    """Bodies whose ``properties`` are requirements of a node."""

    def __init__(self, verb: str) -> None:
        super().__init__(models.Flavor, verb)
        # For OpenAPI: ``requirements`` reads the values itself, with clearer problems than a validator has.
        properties = self.schema["properties"] | {
            "properties": requirements.schema() | {"description": _DOC, "default": {}}
        }
        self.schema = self.schema | {"properties": properties}

    def values(self, document: typing.Any, max_depth: int) -> dict[str, typing.Any]:
        problems: list[errors.Problem] = []
        values = _attempt(problems, lambda: super(Form, self).values(document, max_depth))
        given = document.get("properties") if isinstance(document, dict) else None
        properties = (
            _attempt(problems, lambda: requirements.normal(given)) if isinstance(given, dict) else None
        )
        if problems:
            raise errors.ValidationFailed(problems=problems[: request_body.MOST_PROBLEMS])
        return values if properties is None else values | {"properties": properties}


def _attempt(problems: list[errors.Problem], read: typing.Callable[[], typing.Any]) -> typing.Any:
    """Return what a function returns; add its problems to ``problems``."""
    try:
        return read()
    except errors.ValidationFailed as error:
        problems.extend(error.problems)
        return None


CREATE = crud.Create(models.Flavor, Form("create"))
UPDATE = crud.Update(models.Flavor, Form("update"))
