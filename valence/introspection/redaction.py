# SPDX-License-Identifier: Apache-2.0
"""Values of documents that a site does not want to keep, by patterns of their places, and copies of these values."""

import contextlib
import fnmatch
import functools
import ipaddress
import re

from valence.introspection import documents

#: what stands in place of a value
HIDDEN = "redacted"
#: shortest text of which copies are hidden where they are a whole text, and where they are a word of one
SHORTEST, SHORTEST_WORD = 4, 6
#: parts of a row of the extra-hardware collector: section, item, key, value
ROW = 4
MAC_DIGITS = 12

#: MAC addresses with or without the type of hardware that PXELINUX puts before them, UUIDs, and words
_WORD = re.compile(
    r"(?:[0-9a-f]{2}[:-]){5,6}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-z]{6,}",
    re.IGNORECASE,
)
#: what stands before a world-wide name or serial number in names of disks, such as scsi-3… and wwn-0x…
_PREFIXES = ("0x", "1", "2", "3", "8")
_SEPARATORS = str.maketrans("", "", ":.-")


class Redaction:
    """Hides values whose places match a pattern of [processing] redact, and copies of them at other places.

    A place is the names that lead to a value, with dots between: ``inventory.interfaces.mac_address`` is that of
    every interface, ``*.serial`` every one of that name, however deep. A row of extra hardware has the place of the
    value that it becomes. What rules wrote to ``node`` is hidden by its place only: they name what they copy.
    """

    def __init__(self, patterns):
        whole = "|".join(fnmatch.translate(pattern) for pattern in patterns)
        self._pattern = re.compile(whole) if patterns else None

    def hide(self, document: dict) -> dict:
        """Return a document without the values; itself if there are no patterns."""
        if self._pattern is None:
            return document
        matches, hidden = functools.cache(self._matches), set()
        shown = _without(document, "", matches, hidden)
        node = {"node": shown.pop("node")} if "node" in shown else {}
        return _Copies(hidden).hide(shown) | node

    def _matches(self, place):
        # "*.serial" matches one at the top too.
        return bool(place and (self._pattern.match(place) or self._pattern.match(f".{place}")))


def _without(value, place, matches, hidden):
    """Return a value without what matches; the texts of that are added to ``hidden``."""
    if matches(place):
        hidden.update(_texts(value))
        return HIDDEN
    if isinstance(value, dict):
        start = f"{place}." if place else ""
        return {name: _without(inner, start + name, matches, hidden) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    return [
        _row(inner, matches, hidden)
        if place == "data" and _is_row(inner)
        else _without(inner, place, matches, hidden)
        for inner in value
    ]


def _is_row(value):
    return isinstance(value, list) and len(value) == ROW and all(isinstance(part, str) for part in value[:3])


def _row(row, matches, hidden):
    places = [".".join((start, *row[:3])) for start in ("data", "extra")]
    if not any(map(matches, places)):
        return row
    hidden.update(_texts(row[3]))
    return [*row[:3], HIDDEN]


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


class _Copies:
    """Hides copies of texts: whole texts, words of texts, names in objects, and IPv6 addresses made of a MAC."""

    def __init__(self, texts):
        self._whole = {text.strip().casefold() for text in texts if len(text.strip()) >= SHORTEST}
        self._words = {
            _plain(text) for text in self._whole if len(text) >= SHORTEST_WORD and _WORD.fullmatch(text)
        }
        self._words |= {word.removeprefix("0x") for word in self._words if len(word) > SHORTEST_WORD + 2}
        macs = {_plain(mac) for mac in map(_mac, self._whole) if mac}
        self._words |= macs | {f"01{mac}" for mac in macs}
        self._interfaces = {_interface_identifier(mac) for mac in macs if len(mac) == MAC_DIGITS}
        # Texts that are no single word: one search for all of them.
        odd = sorted(text for text in self._whole if len(text) >= SHORTEST_WORD and not _WORD.fullmatch(text))
        self._odd = re.compile("|".join(map(re.escape, odd)), re.IGNORECASE) if odd else None
        self._text = functools.cache(self._shown)  # most texts of a document are there many times

    def hide(self, value):
        """Return a value without copies."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self.hide(inner) for inner in value]
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return HIDDEN if is_number and str(value) in self._words else value

    def _object(self, value):
        shown = {}
        for name, inner in value.items():
            new = self._text(name)
            if new != name and new in shown:  # two members must not become one
                new = f"{new}-{len(shown)}"
            shown[new] = self.hide(inner)
        return shown

    def _shown(self, text):
        if len(text) < SHORTEST or not self._whole:
            return text
        if text.strip().casefold() in self._whole or self._is_made_of_mac(text):
            return HIDDEN
        if self._odd:
            text = self._odd.sub(HIDDEN, text)
        return _WORD.sub(self._word, text)

    def _word(self, match):
        word = _plain(match[0])
        prefix = next(filter(word.startswith, _PREFIXES), "")
        return HIDDEN if word in self._words or word.removeprefix(prefix) in self._words else match[0]

    def _is_made_of_mac(self, text):
        if "ff:fe" not in text.lower() or not self._interfaces:
            return False
        with contextlib.suppress(ValueError):
            address = ipaddress.IPv6Interface(text.partition("%")[0].strip()).ip
            return int(address) & (2**64 - 1) in self._interfaces
        return False


def _mac(text):
    """Return the MAC address that a text is, also one that PXELINUX tells, or None."""
    return documents.mac(text) or (documents.mac(text[3:]) if text.startswith(("01-", "01:")) else None)


def _plain(text):
    return text.translate(_SEPARATORS).casefold()


def _interface_identifier(mac):
    """Return the lower half of the IPv6 addresses that an interface makes of its MAC address (RFC 4291, appendix A)."""
    number = int(mac, 16)
    return (number >> 24 ^ 0x020000) << 40 | 0xFFFE << 24 | number & 0xFFFFFF
