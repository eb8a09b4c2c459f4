# SPDX-License-Identifier: Apache-2.0
"""Measures Valence on servers of its own: python -m tests.bench [--profile] [SUBJECT ...].

CPU is user and system time of API, conductor, database and broker together, less what they use when idle;
for the subjects "stores" and "composition" that of a client and of the database.
"""

import argparse
import contextlib
import sys
import time

import psutil

from tests.bench import backups
from tests.bench import composition
from tests.bench import fleet
from tests.bench import http_requests
from tests.bench import introspection
from tests.bench import nodes
from tests.bench import paging
from tests.bench import path
from tests.bench import profiler
from tests.bench import racks
from tests.bench import site
from tests.bench import stores
from tests.bench import synchronization
from tests.bench import table

#: what is measured -> where, and how
SUBJECTS = {
    "requests": (site.Site, http_requests.rows),
    "sync": (site.Site, synchronization.rows),
    "fleet": (fleet.Site, fleet.rows),
    "pages": (site.Site, paging.rows),
    "path": (path.Site, path.rows),
    "stores": (stores.Stores, stores.rows),
    "composition": (composition.Place, composition.rows),
    "backups": (site.Site, backups.rows),
    "nodes": (site.Site, nodes.rows),
    "introspection": (introspection.Site, introspection.rows),
    "racks": (racks.Site, racks.rows),
}
NOTES = """
Ironic: Ironic 39 with the same parts on the same kind of machine. The clients share the machine's processors with
what is measured. Pod managers are created in maintenance, so that no synchronization follows. A system comes with
its 10 linked resources; the simulated hardware's own CPU is shown apart and not counted.
"""


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; default: all"
    )
    parser.add_argument(
        "--profile", action="store_true", help="also print where API and conductor spend their time"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.subjects) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    if arguments.profile and profiler.program() is None:
        parser.error("--profile needs py-spy: pip install py-spy")
    rows, before = [], psutil.getloadavg()[0]
    for subject in arguments.subjects or SUBJECTS:
        rows += measure(subject, arguments.profile)
    print(f"\n{table.text(rows)}\n{NOTES}")
    print(f"Load of the machine: {before:.1f} before, {psutil.getloadavg()[0]:.1f} after.", flush=True)
    return 0


def measure(subject, profile):
    """Return the rows of one subject, measured on new servers."""
    make_place, rows_of = SUBJECTS[subject]
    began = time.monotonic()
    with (
        make_place() as place,
        profiler.watch(subject, **place.profiled) if profile else contextlib.nullcontext(),
    ):
        rows = list(rows_of(place))
    print(f"{subject}: measured in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
