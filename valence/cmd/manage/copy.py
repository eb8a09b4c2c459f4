# SPDX-License-Identifier: Apache-2.0
"""``valence-manage db copy``: copy everything from one database to another, of any kind, and show the progress."""

import contextlib
import sys
import time
from urllib import parse

from valence.common import secrets
from valence.db import options
from valence.db import store
from valence.db import transfer

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


DOC = """\
Copies everything that Valence keeps from one database to another one, and
compares both afterwards: the exit code is 0 only if they are equal. Stop all
conductors first. A copy that was interrupted goes on where it was when the
same command is given again. Secrets move encrypted as they are: the new
database needs the key file of the old one.
"""


def add_arguments(parser):
    """Give an argparse parser the description and the arguments of the command."""
    parser.description = DOC
    parser.add_argument(
        "--from", dest="source", metavar="URL", help="the database to read; default: [database] connection"
    )
    parser.add_argument("--to", dest="target", metavar="URL", required=True, help="the database to fill")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--dry-run", action="store_true", help="only say what would be copied, or why not")
    way.add_argument("--verify", action="store_true", help="only compare")
    way.add_argument("--replace", action="store_true", help="first remove everything that the target has")


def run(conf):
    """Copy, or only compare; return 0 when both databases hold the same."""
    options.register(conf)
    command = conf.command
    urls = command.source or conf.database.connection, command.target
    with _connected(conf, urls[0]) as source, _connected(conf, urls[1]) as target:
        source.schema.require()
        origin = without_password(urls[0])
        copy = transfer.Transfer(source, target, origin, Progress(sys.stderr))
        if command.dry_run:
            return _plan(source, target, copy)
        if not command.verify:
            _copy(target, copy, command.replace)
        target.schema.require()
        return _finish(copy, is_copied=not command.verify)


def _plan(source, target, copy):
    """Print what would be copied; raise CopyRefused."""
    if target.schema.version():
        target.schema.require()
        copy.check()
    for model in transfer.models.STORED:
        print(f"{model.path:20}{source.count(model):>12,} rows")
    return 0


def _copy(target, copy, replace):
    if not target.schema.version():
        target.schema.upgrade()
    target.schema.require()
    copy.begin(replace=replace)
    copy.copy()


def _finish(copy, *, is_copied):
    """Print how both databases compare, end the copy where they are equal, and return the exit code."""
    is_equal = all([*map(_report, copy.compare())])  # every line is printed
    if is_equal and is_copied:
        copy.end()
    print("Both are equal." if is_equal else "They are not equal.")
    return 0 if is_equal else 1


def _report(comparison):
    """Print one model's line; return whether both databases hold the same."""
    here, there = comparison.counts
    digests = " ".join(dict.fromkeys(digest[:16] for digest in comparison.digests))
    rows = f"{here:,}" if here == there else f"{here:,} / {there:,}"
    print(f"{comparison.model.path:20}{rows:>12} rows  {digests}  {comparison.difference or 'equal'}")
    return comparison.difference is None


@contextlib.contextmanager
def _connected(conf, url):
    conf.set_override("connection", url, group="database")
    with contextlib.closing(store.connect(conf, secrets.Sealed())) as database:
        yield database


def without_password(url):
    """Return what a URL says of a database, without user, password and options."""
    parts = parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
