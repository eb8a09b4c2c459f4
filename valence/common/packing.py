# SPDX-License-Identifier: Apache-2.0
"""Large documents: how deep they are nested, found without parsing, and their form as text for the bus and databases.

A text is compressed where that is smaller, in parts where it is long. A packed text is ASCII; its first character says
what follows: ``t`` the text itself, ``b`` base64 of the bytes, ``z`` base64 of the bytes compressed by zlib.

A parser would be at its own limits where JSON is nested deeply. The time is linear in the length of the text, whatever
it is.
"""

import base64
import itertools
import re
import zlib

#: a text in JSON, also one without an end
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_ALL = bytes(range(256))
_ALL_BUT_BRACKETS = bytes(set(_ALL) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

#: zlib's fastest level: the others take 2 to 6 times the time to save a tenth of real documents' size
LEVEL = 1
#: most bytes that are compressed without a look at samples of them: how many, and how long each
SMALL, SAMPLES, SAMPLE = 64 * 1024, 4, 8 * 1024
#: share of its length that a text, and other bytes, may keep for compression to be worth its time; base64 adds a third
WORTH_PLAIN, WORTH_BINARY = 0.6, 0.9


def pack(data: bytes) -> str:
    """Return a text that ``data``, bytes, can be had back from: short, if that takes no long time to find."""
    is_plain = _is_plain(data)
    if len(data) <= SMALL or _share(_samples(data)) < (WORTH_PLAIN if is_plain else WORTH_BINARY):
        compressed = zlib.compress(data, LEVEL)
        if len(compressed) < len(data):
            packed = "z" + base64.b64encode(compressed).decode()
            if not is_plain or len(packed) < len(data):
                return packed
    return "t" + data.decode() if is_plain else "b" + base64.b64encode(data).decode()


def unpack(text: str) -> bytes:
    """Return the bytes of a packed text; raise ValueError for what is none."""
    form, rest = text[:1], text[1:]
    if form == "t":
        return rest.encode()
    if form not in ("b", "z"):
        raise ValueError("this is no packed text")
    data = base64.b64decode(rest, validate=True)
    try:
        return zlib.decompress(data) if form == "z" else data
    except zlib.error as error:
        raise ValueError(str(error)) from None


def split(text: str, length: int) -> list[str]:
    """Return the parts of a text, of at most ``length`` characters each; an empty text has one."""
    return [text[start : start + length] for start in range(0, len(text), length)] or [text]


def _is_plain(data: bytes) -> bool:
    """Whether every database keeps ``data`` as a text."""
    return data.isascii() and b"\0" not in data


def _samples(data: bytes) -> bytes:
    """Return some of the data, from all over it."""
    step = len(data) // SAMPLES
    starts = range(step // 2, len(data), step)
    return b"".join(data[start : start + SAMPLE] for start in starts)


def _share(data: bytes) -> float:
    """Return what compression leaves of data."""
    return len(zlib.compress(data, LEVEL)) / len(data)


def is_shallow(data: bytes, max_depth: int) -> bool:
    """Return whether brackets that match are nested at most ``max_depth`` deep, whatever else ``data`` is."""
    brackets = STRING.sub(b"", data).translate(None, _ALL_BUT_BRACKETS)
    if brackets.count(b"[") != brackets.count(b"]") or brackets.count(b"{") != brackets.count(b"}"):
        return False
    levels = itertools.accumulate(map(_STEPS.__getitem__, brackets))
    return all(0 <= level <= max_depth for level in levels)
