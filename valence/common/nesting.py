# SPDX-License-Identifier: Apache-2.0
"""How deep JSON is nested and how many values it has, found without parsing it: a parser would be at its own limits.

The time is linear in the length of the text, whatever it is.
"""

import itertools
import re

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_ALL = bytes(range(256))
_ALL_BUT_BRACKETS = bytes(set(_ALL) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def is_shallow(data: bytes, max_depth: int) -> bool:
    """Return whether brackets that match are nested at most ``max_depth`` deep, whatever else ``data`` is."""
    brackets = _STRING.sub(b"", data).translate(None, _ALL_BUT_BRACKETS)
    if brackets.count(b"[") != brackets.count(b"]") or brackets.count(b"{") != brackets.count(b"}"):
        return False
    levels = itertools.accumulate(map(_STEPS.__getitem__, brackets))
    return all(0 <= level <= max_depth for level in levels)


def has_at_most(data: bytes, max_values: int) -> bool:
    """Return whether ``data``, if it is JSON, has at most ``max_values`` values; an empty list may count twice."""
    return _count(data) < max_values or _count(_STRING.sub(b"", data)) < max_values


def _count(data):
    """Return how many values begin in ``data`` after the first one, those in texts too."""
    return data.count(b",") + data.count(b"[") + data.count(b"{")
