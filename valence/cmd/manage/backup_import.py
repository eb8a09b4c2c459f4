# SPDX-License-Identifier: Apache-2.0
"""``valence-manage backup import-es``: from the Elasticsearch of the old Freezer API into the store."""

import functools
import json
import pathlib
import sys
import tempfile

from valence.api.backup import schemas
from valence.backup import conversion
from valence.backup import elasticsearch
from valence.backup import importer
from valence.common import errors

#: lines of the report that are printed
MOST_PRINTED = 50


def add_arguments(parser):
    """Add what the command takes to its parser."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--url", help="Elasticsearch 1 to 8, like http://user:password@10.0.0.7:9200")
    source.add_argument("--file", help="a dump with one hit a line, as elasticdump writes it")
    parser.add_argument("--index", default="freezer", help="index of --url (default: freezer)")
    parser.add_argument("--default-project", help="project of users who have none by --project")
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="USER=PROJECT",
        help="project of a user's things; can be given many times",
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, store nothing")
    parser.add_argument(
        "--report", metavar="FILE", help="write what was forked, repaired or refused to a file"
    )


def run(database, asked):
    """Import what ``asked``, the parsed arguments, says, and print what was done; return 1 if anything was refused."""
    projects = _projects(asked.project)
    for each in filter(None, (*projects.values(), asked.default_project)):
        if not conversion.is_project(each):
            raise errors.BadRequest(reason=f"{each!r} is not a project id: up to 64 of A-Z a-z 0-9 _ . -")
    work = importer.Importer(
        database,
        lambda user_id: projects.get(user_id, asked.default_project),
        schemas.check_import,
        is_dry=asked.dry_run,
        progress=_show_progress,
    )
    with tempfile.NamedTemporaryFile("w+", suffix=".ndjson") as spool:
        report = work.run(_reader(asked, spool))
    _print(report, asked)
    return 1 if report.refused else 0


def _projects(given):
    pairs = [text.partition("=") for text in given]
    wrong = [user for user, sign, project in pairs if not (user and sign and project)]
    if wrong:
        raise errors.BadRequest(reason=f"--project takes USER=PROJECT, not {wrong[0]!r}.")
    return {user: project for user, _, project in pairs}


def _reader(asked, spool):
    """Return what yields all hits, as often as it is called; a server is asked once."""
    if asked.file:
        return functools.partial(elasticsearch.read_file, asked.file)
    for told in elasticsearch.fetch(asked.url, asked.index):
        spool.write(json.dumps(told) + "\n")
    spool.flush()
    return functools.partial(elasticsearch.read_file, spool.name)


def _show_progress(collection, number):
    sys.stderr.write(f"{collection}: {number} read\n")


def _print(report, asked):
    for collection, counts in report.counts.items():
        print(
            f"{collection}: "
            + ", ".join(f"{counts[done]} {done}" for done in ("imported", "present", "refused"))
        )
    lines = [
        f"{entry.done}: {entry.collection} {entry.identifier}: {entry.reason}" for entry in report.entries
    ]
    print("\n".join(lines[:MOST_PRINTED]), end="\n" if lines else "")
    if len(lines) > MOST_PRINTED:
        print(f"and {len(lines) - MOST_PRINTED} more; --report FILE has them all")
    if asked.report:
        pathlib.Path(asked.report).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if asked.dry_run:
        print("Nothing was stored.")
    elif not (report.changed or report.refused):
        print("There was nothing to do.")
