# SPDX-License-Identifier: Apache-2.0
"""How deep JSON is nested, found without parsing it: a parser would be at its own limits."""

import re

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def is_shallow(data, max_depth):
    """Return whether brackets that match are nested at most ``max_depth`` deep, whatever else ``data``, bytes, is."""
    brackets = _STRING.sub(b"", data).translate(None, _ALL_BUT_BRACKETS)
    for _ in range(max_depth):
        length = len(brackets)
        brackets = _without_innermost(brackets)
        if len(brackets) == length:
            break
    return not brackets


def _without_innermost(brackets):
    """Return the brackets one level less deep: pairs that hold nothing are gone, however many stand in a row."""
    return re.sub(rb"\[\]|\{\}", b"", brackets)
