# SPDX-License-Identifier: Apache-2.0
"""The elevation of a rack as SVG: units from the bottom, trays with their members, and pooled devices below.

Health is shown by colour, mark and text. Colours are those of the screen where the picture is part of a page, and the
fallbacks in ``var()`` elsewhere: the picture has no style element, which the screen's policy would refuse. All text is
escaped: names come from hardware.
"""

import typing
from xml.sax import saxutils

import flask

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.model import crud
from valence.api.model import query

SVG = "image/svg+xml"
#: a picture that somebody opens by itself runs nothing, whatever names it has
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
WIDTH, GUTTER, UNIT, HEAD, POOLED = 320, 30, 13, 40, 18
#: columns of the members of a tray, and of what has no tray
COLUMNS, POOLED_COLUMNS = 4, 2
#: units of a rack of unknown height, and most of one
LEAST_UNITS, MOST_UNITS = 4, 60
#: pixels of a character, about
CHARACTER = 5.7
#: colour and mark of health and of states; others are idle
GOOD, WARN, BAD, IDLE = (
    ("ok", "#1a7240", "●"),
    ("warn", "#8a5a00", "▲"),
    ("bad", "#b3261e", "✕"),
    ("faint", "#556272", "○"),
)
MARKS = {"OK": GOOD, "Warning": WARN, "Critical": BAD}
SICK = ("Warning", "Critical")
TEXT, FAINT, CARD, SUNK, LINE, LINK = (
    "var(--text,#1b2430)",
    "var(--faint,#556272)",
    "var(--card,#ffffff)",
    "var(--sunk,#eef1f4)",
    "var(--line,#d9dfe6)",
    "var(--link,#0b5cad)",
)


@descriptions.described(
    answers={200: {"type": "string"}, 304: None}, answer_types=(SVG,), failures=(400, 404)
)
def show(call: handler.Call, uuid: str) -> flask.Response:
    """Draw the elevation of a rack as SVG."""
    query.options(call.raw_query, {})
    content = call.conductor.resources.rack(call.context, crud.checked_key("rack", uuid))
    data = draw(content).encode()
    headers = {
        "ETag": handler.strong_tag(data),
        "Content-Security-Policy": POLICY,
    }
    if handler.unchanged(call.http, headers["ETag"]):
        return flask.Response(status=304, headers=headers)
    return flask.Response(data, headers=headers, content_type=SVG)


def draw(content: dict[str, typing.Any]) -> str:
    """Return the picture of ``valence.conductor.inventory.racks.content``."""
    placed, loose = _placed(content)
    units = _height(content, placed)
    loose_rows = [row for tray in loose for row in _rows(tray["members"] or [tray], COLUMNS)]
    pooled = _rows(sorted(content["members"], key=lambda each: each["device"] is None), POOLED_COLUMNS)
    bottom = HEAD + units * UNIT
    height = (
        bottom + 12 + (len(loose_rows) + len(pooled)) * POOLED + bool(loose_rows) * 18 + bool(pooled) * 18
    )
    name = content["rack"]["name"] or content["rack"]["uuid"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="group" aria-label={_quoted(f"Rack {name}")} font-family="system-ui, sans-serif" font-size="10" '
        f'fill="{TEXT}">',
        _text(1, 15, name, WIDTH, size=14, weight=600),
        _text(1, 31, _summary(content), WIDTH, fill=FAINT, size=11),
        _frame(units),
        *(_tray(tray, bottom) for tray in placed),
        *_section("Without a place", loose_rows, COLUMNS, bottom + 12),
        *_section(
            "Pooled", pooled, POOLED_COLUMNS, bottom + 12 + bool(loose_rows) * 18 + len(loose_rows) * POOLED
        ),
        "</svg>",
    ]
    return "".join(parts)


def _placed(content):
    """Return the trays with a place that is free, and the others, which are below the elevation."""
    placed, loose, taken = [], [], set()
    for tray in content["trays"]:
        wanted = set(range(tray["offset"], tray["offset"] + tray["units"])) if tray["offset"] else set()
        if not wanted or wanted & taken or max(wanted) > (content["units"] or MOST_UNITS):
            loose.append(tray)
        else:
            placed.append(tray)
            taken |= wanted
    return placed, loose


def _height(content, placed):
    used = max((tray["offset"] + tray["units"] - 1 for tray in placed), default=0)
    return min(MOST_UNITS, content["units"] or max(LEAST_UNITS, used))


def _rows(members, columns):
    return [members[first : first + columns] for first in range(0, len(members), columns)]


def _summary(content):
    if content["problem"]:
        return f"✕ {content['problem']}"
    members = [each for tray in content["trays"] for each in tray["members"]] + content["members"]
    sick = sum(each["health"] in SICK for each in members)
    free = sum((each["device"] or {}).get("state") == "free" for each in members)
    return f"{_mark(content['rack'])[2]} {content['rack']['health'] or 'unknown'} · {free} free · {sick} need attention"


def _frame(units):
    """Return the empty rack with the numbers of its units."""
    numbers = "".join(
        _text(
            GUTTER - 6,
            HEAD + (units - unit) * UNIT + UNIT - 4,
            str(unit),
            GUTTER,
            fill=FAINT,
            size=9,
            anchor="end",
        )
        for unit in range(1, units + 1)
        if unit == 1 or unit % 5 == 0
    )
    lines = "".join(f"M{GUTTER} {HEAD + unit * UNIT}H{WIDTH - 1}" for unit in range(1, units))
    grid = f'<path d="{lines}" stroke="{LINE}" stroke-width="0.5"/>' if lines else ""
    return _box(GUTTER, HEAD, WIDTH - GUTTER - 1, units * UNIT, fill=SUNK, stroke=FAINT) + grid + numbers


def _tray(tray, bottom):
    y = bottom - (tray["offset"] + tray["units"] - 1) * UNIT
    height = tray["units"] * UNIT
    members = tray["members"] or [tray]
    columns = min(COLUMNS, len(members))
    rows = _rows(members, columns)
    each = height / len(rows)
    place = f"{tray['name']}, from unit {tray['offset']}, {tray['units']} units"
    cells = [_line(row, columns, y + number * each, each, place) for number, row in enumerate(rows)]
    return _box(GUTTER, y, WIDTH - GUTTER - 1, height) + "".join(cells)


def _section(title, rows, columns, y):
    if not rows:
        return
    yield _text(GUTTER, y + 12, title, WIDTH, fill=FAINT, weight=600)
    for number, row in enumerate(rows):
        yield _line(row, columns, y + 18 + number * POOLED, POOLED)


def _line(row, columns, y, height, place=None):
    width = (WIDTH - GUTTER - 1) / columns
    xs = (GUTTER + number * width for number in range(len(row)))
    return "".join(
        _cell(each, place, x, y, width=width, height=height) for each, x in zip(row, xs, strict=True)
    )


def _cell(member, place, x, y, *, width, height):
    """Return one member: a link for the screen, with its node where it has one, so that they light up together.

    The link has no target here: the picture does not know where the screen is.
    """
    colour, mark = _mark(member)[1:]
    device = member.get("device") or {}
    node = device.get("node_id")
    name = member["name"] or member["resource_type"]
    is_whole = device.get("device_type") in (None, "System")
    label = name if is_whole else f"{device['device_type']} {device['model'] or ''}".strip()
    said = [name, member["resource_type"], member["health"] or "health unknown", member["power_state"]]
    said += [device.get("model"), device.get("state"), node and f"node {node}", place]
    title = _title(" · ".join(filter(None, said)))
    data = f" data-uuid={_quoted(member['uuid'])}" + (f" data-node={_quoted(node)}" if node else "")
    data += f' data-health="{member["health"]}"' if member["health"] in SICK else ""
    box = _box(x + 1, y + 1, width - 2, height - 2, stroke=LINK if node else LINE, thick=1.5 if node else 1)
    sign = f'<tspan fill="{colour}">{mark}</tspan>'
    return f"<a{data}>{title}{box}{_text(x + 4, y + height / 2 + 3.5, label, width - 15, before=sign)}</a>"


def _mark(member):
    name, colour, mark = MARKS.get(member["health"], IDLE)
    if name == "ok" and member["power_state"] == "Off":
        mark = "○"
    return name, f"var(--{name},{colour})", mark


def _box(x, y, width, height, *, fill=CARD, stroke=LINE, thick=1):
    size = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {size} fill="{fill}" stroke="{stroke}"{_other("stroke-width", thick, 1)}/>'


def _text(x, y, text, width, *, fill=TEXT, size=10, weight=400, anchor="start", before=""):
    most = max(1, int(width / (CHARACTER * size / 10)))
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    style = _other("fill", fill, TEXT) + _other("font-size", size, 10) + _other("font-weight", weight, 400)
    place = f'x="{x:g}" y="{y:g}"{style}{_other("text-anchor", anchor, "start")}'
    return f"<text {place}>{before}{' ' if before else ''}{_escaped(shown)}</text>"


def _other(name, value, usual):
    """Return an attribute, unless the value is what the element inherits."""
    return "" if value == usual else f' {name}="{value}"'


def _title(text):
    return f"<title>{_escaped(text)}</title>"


def _escaped(text):
    """Return text for XML, without the characters that XML cannot have."""
    return saxutils.escape("".join(each for each in text if each.isprintable()))


def _quoted(text):
    return saxutils.quoteattr("".join(each for each in text if each.isprintable()))
