# SPDX-License-Identifier: Apache-2.0
"""What terminals must not get as it is: control characters in names, from other users or from hardware.

A name with an escape sequence would colour, move or retitle the terminal of who lists it, and marks of direction would
show it in another order than it has. The streams that commands print to write such characters as escapes, so no
command needs to think of them.
"""

import re
import typing
from collections import abc

#: C0 without tab and line feed, DEL, C1, separators of lines and paragraphs, and marks of direction
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]"
)


def escaped(text: str) -> str:
    r"""Return text for a terminal, with ``\x1b`` for ESC, say; beyond ASCII as JSON and YAML escape it, too."""
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x7F else f"\\u{number:04x}"


class Stream:
    """A stream that escapes what is written to it; ``raw`` is the stream below, for programs that move the cursor."""

    def __init__(self, raw: typing.Any) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write text for a terminal."""
        self.raw.write(escaped(text))
        return len(text)

    def writelines(self, lines: abc.Iterable[str]) -> None:
        """Write lines for a terminal."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self.__dict__["raw"], name)


def raw(stream: typing.Any) -> typing.Any:
    """Return the stream below one that escapes, any other itself."""
    return stream.raw if isinstance(stream, Stream) else stream


def guard(application: typing.Any) -> None:
    """Let a program of cliff escape what it prints."""
    for name in ("stdout", "stderr"):
        stream = getattr(application, name)
        if not isinstance(stream, Stream):
            setattr(application, name, Stream(stream))
