# SPDX-License-Identifier: Apache-2.0
"""Marks: what a machine says of the node that it was made for.

A machine gets the mark of its node in its description, or in its Id where the service wants one. A service may keep
neither.
"""

import json
import re
import typing

from valence.podmanagers import base
from valence.podmanagers import composers

#: what the mark of a node begins with, in a description and in an Id
TEXT, ID = "valence:", "valence-"
#: properties of a machine in which its mark may be found; clients choose the name
_PROPERTIES = ("Description", "Id", "HostName", "Oem", "Name")
_FORM = re.compile(f"(?:{TEXT}|{ID})([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})", re.IGNORECASE)

Document = dict[str, typing.Any]


def is_of(document: Document, node_id: str) -> bool:
    """Return whether a machine carries the mark of a node; a service may drop what the mark begins with."""
    return node_id in _text(document)


def sign(document: Document, uuid: str | None = None) -> base.Sign:
    """Return what a machine can be known by: its first mark, and its UUID where that is stable."""
    found = _FORM.search(_text(document))
    return base.Sign(found[1].lower() if found else None, uuid)


def signed(
    machine: composers.Composed, document: Document, node_id: str | None, uuid: str | None = None
) -> composers.Composed:
    """Return a machine with its sign, and whether it carries the mark of a node."""
    is_marked = node_id is not None and is_of(document, node_id)
    return machine._replace(is_marked=is_marked, sign=sign(document, uuid))


def _text(document: Document) -> str:
    return json.dumps([document.get(name) for name in _PROPERTIES])
