# SPDX-License-Identifier: Apache-2.0
"""The one reader of JSON from pod managers: what a service writes never ends in another error than ValueError."""

import json

#: digits of an integer beyond which it is read as a float: Python refuses to convert some thousands
_MOST_DIGITS = 18


def parse(text: bytes | str) -> object:
    """Return the value of a JSON text; NaN and infinite numbers, which are no JSON but are sent, are None.

    Raises ValueError.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(text, parse_constant=_nothing, parse_float=_number, parse_int=_integer)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def parse_object(text: bytes | str) -> dict | None:
    """Return the object that a JSON text is, None if it is anything else."""
    try:
        value = parse(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _nothing(_):
    return None


def _number(text):
    value = float(text)
    return value if value - value == 0 else None  # 1e999 is infinite


def _integer(text):
    return int(text) if len(text) <= _MOST_DIGITS else _number(text)
