# SPDX-License-Identifier: Apache-2.0
"""Large documents as text: compressed where that is smaller, in parts where it is long.

A packed text is ASCII; its first character says what follows: ``t`` the text itself, ``b`` base64 of the bytes,
``z`` base64 of the bytes compressed by zlib.
"""

import base64
import zlib

#: zlib's fastest level: the others take 2 to 6 times the time to save a tenth of real documents' size
LEVEL = 1


def pack(data):
    """Return the shortest text that ``data``, bytes, can be had back from."""
    compressed = zlib.compress(data, LEVEL)
    if len(compressed) < len(data):
        packed = "z" + base64.b64encode(compressed).decode()
    else:
        packed = "b" + base64.b64encode(data).decode()
    return "t" + data.decode() if _is_plain(data) and len(data) < len(packed) else packed


def unpack(text):
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


def split(text, length):
    """Return the parts of a text, of at most ``length`` characters each; an empty text has one."""
    return [text[start : start + length] for start in range(0, len(text), length)] or [text]


def _is_plain(data):
    """Whether every database keeps ``data`` as a text."""
    return data.isascii() and b"\0" not in data
