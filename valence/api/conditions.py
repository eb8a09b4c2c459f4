# SPDX-License-Identifier: Apache-2.0
"""Entity tags and the conditions on them (RFC 9110, section 13).

The tag of a thing is ``"<revision>.<digest>"``: If-None-Match compares it whole, so that every visible change
counts; If-Match compares the revision, which is what the store compares and swaps.
"""

import hashlib
import re

from valence.common import errors

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')


def digest(data):
    """Return a short digest of bytes; SHA-256 is in the processor, and so the fastest of the good ones."""
    return hashlib.sha256(data).hexdigest()[:16]


def strong_tag(data, revision=None):
    """Return the tag of one thing, whose body is ``data``."""
    return f'"{digest(data)}"' if revision is None else f'"{revision}.{digest(data)}"'


def weak_tag(data):
    """Return the tag of a list."""
    return f'W/"{digest(data)}"'


def unchanged(http, tag):
    """Return whether the client has ``tag`` already, so that 304 answers it."""
    header = http.headers.get("If-None-Match")
    if header is None:
        return False
    return header.strip() == "*" or tag.removeprefix("W/") in [
        f'"{text}"' for _, text in _tags("If-None-Match", header)
    ]


def tags(http):
    """Return the texts of the tags that If-None-Match names."""
    header = http.headers.get("If-None-Match")
    return [] if header in (None, "*") else [text for _, text in _tags("If-None-Match", header)]


def expected_revisions(http):
    """Return the revisions that If-Match names; None if any will do. A weak tag matches nothing."""
    header = http.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    names = [text.partition(".")[0] for weak, text in _tags("If-Match", header) if not weak]
    return [int(name) for name in names if re.fullmatch("[0-9]{1,18}", name)]


def _tags(name, header):
    """Return ``(is weak, text)`` of every tag of a header."""
    matches = [_TAG.fullmatch(each) for each in header.split(",")]
    if None in matches:
        raise errors.BadRequest(
            reason=f'The header {name} must hold tags like "3.0a1b2c", separated by commas, or *.'
        )
    return [(bool(match[1]), match[2]) for match in matches]
