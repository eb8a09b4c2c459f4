# SPDX-License-Identifier: Apache-2.0
"""Places in documents as rules name them: the part of JSONPath that leads somewhere without searching.

``inventory.interfaces[*].mac_address``, ``root_disk.size``, ``all_interfaces.*.ip``, ``extra['a.b'][0]``.
"""

import re

ANY = object()

_STEP = re.compile(
    r"""(?:^|\.)(?P<name>[^\s.\[\]'"*$?()@,:]+)"""
    r"""|(?:^|\.)(?P<any>\*)|\[(?P<every>\*)\]|\[(?P<number>\d{1,6})\]"""
    r"""|\[(?:'(?P<single>[^']+)'|"(?P<double>[^"]+)")\]"""
)


def parse(text):
    """Return the steps that lead to a place; raise ValueError with a sentence."""
    rest, steps = re.sub(r"^\$\.?", "", text), []
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise ValueError(f"{text!r} is no path of names, [number], [*] and .*")
        steps.append(_step(match))
        rest = rest[match.end() :]
        rest = rest if not rest or rest[0] in ".[" else f"?{rest}"
    if not steps:
        raise ValueError("a path needs a name")
    return steps


def values(document, steps):
    """Return what is at a place: none, one, or with ``*`` many values."""
    found = [document]
    for step in steps:
        found = [inner for value in found for inner in _inside(value, step)]
    return found


def _step(match):
    if match["any"] or match["every"]:
        return ANY
    return int(match["number"]) if match["number"] else match["name"] or match["single"] or match["double"]


def _inside(value, step):
    if isinstance(value, dict):
        return list(value.values()) if step is ANY else [value[key] for key in (str(step),) if key in value]
    if isinstance(value, list) and not isinstance(step, str):
        return value if step is ANY else value[step : step + 1]
    return []
