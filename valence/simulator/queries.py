# SPDX-License-Identifier: Apache-2.0
"""Query options of a GET: ``$expand``, ``$skip``, ``$top`` (DSP0266, query parameters)."""

import dataclasses
import re
import urllib.parse

from valence.simulator import errors

EXPAND = re.compile(r"([.~*])(?:\(\$levels=(\d{1,3})\))?")


@dataclasses.dataclass(frozen=True)
class Query:
    """What a client asked for; ``expand`` is one of ``.``, ``~``, ``*`` or empty."""

    expand: str = ""
    levels: int = 1
    skip: int = 0
    top: int | None = None
    pages: bool = False

    @property
    def expand_option(self):
        return {"$expand": f"{self.expand}($levels={self.levels})"} if self.expand else {}


def parse(text, behaviour):
    """Return the Query in the query string ``text``; what is not offered is ignored or refused with 501."""
    found = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        if name == "$expand" and behaviour.expand:
            found |= _expand(value, behaviour.expand_levels)
        elif name in ("$skip", "$top"):
            found |= {name[1:]: _number(name, value), "pages": True}
        elif name.startswith("$") and behaviour.refuse_queries:
            raise errors.RedfishError(501, "QueryNotSupported", f"The query option {name} is not supported.")
    if "expand" in found and behaviour.page_size:
        found["pages"] = True  # so that the link to the next page asks to expand as well
    return Query(**found)


def _expand(value, most):
    match = EXPAND.fullmatch(value)
    if not match:
        raise errors.bad_request("QueryParameterValueFormatError", f"$expand does not know {value}.")
    levels = int(match[2] or 1)
    if not 1 <= levels <= most:
        raise errors.bad_request("QueryParameterOutOfRange", f"$levels goes from 1 to {most}.")
    return {"expand": match[1], "levels": levels}


def _number(name, value):
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise errors.bad_request("QueryParameterValueTypeError", f"{name} is a number.")
    return int(value)
