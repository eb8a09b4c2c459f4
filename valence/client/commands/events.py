# SPDX-License-Identifier: Apache-2.0
"""Commands for events."""

import argparse
import itertools
import json
import os
import select
import stat
import threading
import typing

from valence.client.commands import base
from valence.client.commands import fields
from valence.db import models

#: what a line of a stream shows
LINE = ("created_at", "event_type", "object_kind", "object_id")
#: exit status when the reader of the output is gone: that of programs which SIGPIPE ends, as shells show it
READER_GONE = 128 + 13


class ListEvents(base.List):
    """List events, the oldest first"""

    subject, model = "events", models.Event
    columns = ("sequence", *LINE)
    narrow = ("sequence", "created_at", "event_type")
    example = "--since 2026-01-01T00:00:00Z --property object_kind=pod_manager --limit 10"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        add_since(parser, "Begin after this sequence number, UUID of an event, or at this time.")

    def query(self, parsed: argparse.Namespace) -> dict[str, typing.Any]:
        return super().query(parsed) | {"since": parsed.since}


class ShowEvent(base.Show):
    """Show an event"""

    subject = "events"
    example = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class FollowEvents(base.Command):
    """Print events as they happen, until Ctrl-C; across outages each comes once"""

    subject = "events"
    example = "--since 0 --property object_kind=pod_manager --limit 3 --json"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_since(
            parser, "Begin after this sequence number, UUID of an event, or at this time; by default now."
        )
        parser.add_argument("--limit", type=fields.positive, metavar="N", help="End after so many events.")
        parser.add_argument("--json", action="store_true", help="Print each event as one line of JSON.")
        base.add_property(parser)

    def take_action(self, parsed: argparse.Namespace) -> None:
        end_with_reader(self.app.stdout)
        stream = self.rack.events.follow(since=parsed.since, filters=parsed.property)
        for row in itertools.islice(stream, parsed.limit):
            line = (
                json.dumps(dict(row), ensure_ascii=False)
                if parsed.json
                else " ".join(row[name] for name in LINE)
            )
            print(line, file=self.app.stdout, flush=True)


def end_with_reader(stream: typing.Any) -> None:
    """End this process as soon as nobody reads the pipe that ``stream`` writes to, with or without an event.

    Without it ``valence event follow | head -1`` would end when the second event happens. SIGPIPE stays ignored: its
    default would also end the process without a message when it sends to a closed connection.
    """
    if not hasattr(select, "poll"):
        return
    try:
        number = stream.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
    except (AttributeError, OSError, ValueError):
        return  # it is no file
    if is_pipe:
        threading.Thread(target=_watch, args=(number,), daemon=True).start()


def _watch(number: int) -> None:
    poll = select.poll()
    poll.register(number, 0)
    poll.poll()  # only errors are reported: the reader is gone
    os._exit(READER_GONE)  # an exception would end this thread alone


def add_since(parser: argparse.ArgumentParser, text: str) -> None:
    """Add the option for the place to begin at."""
    parser.add_argument("--since", metavar="WHEN", help=text)
