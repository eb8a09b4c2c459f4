# SPDX-License-Identifier: Apache-2.0
"""How far a long command has come: a bar on a terminal, a line for each finished part elsewhere."""

import time

WIDTH = 30
#: seconds between two looks of the bar
INTERVAL = 0.1


class Progress:
    """Shows the parts of a work, one after the other, on a stream.

    It is called with a part, how much of it is done, and how much there is.
    """

    def __init__(self, stream):
        self._stream, self._is_terminal = stream, stream.isatty()
        self._part, self._began, self._shown = None, 0.0, 0.0

    def __call__(self, part, done, total):
        now = time.monotonic()
        if part != self._part:
            self._part, self._began, self._shown = part, now, 0.0
        if done >= total:
            self._write(f"{self._text(done, total, now)}\n")
        elif self._is_terminal and now - self._shown > INTERVAL:
            self._shown = now
            self._write(self._text(done, total, now))

    def _text(self, done, total, now):
        counts = f"{self._part}: {done:,} of {total:,}"
        if not self._is_terminal:
            return f"{counts}, {now - self._began:.1f} s"
        full = WIDTH * done // max(total, 1)
        return f"\r[{'#' * full}{'.' * (WIDTH - full)}] {counts}, {now - self._began:.0f} s "

    def _write(self, text):
        self._stream.write(text)
        self._stream.flush()
