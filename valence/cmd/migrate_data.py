# SPDX-License-Identifier: Apache-2.0
"""``valence-migrate-data``: moves introspection data from one storage to another."""

import contextlib
import functools
import sys

from oslo_config import cfg

from valence.cmd import process
from valence.common import introspection_errors
from valence.common import secrets
from valence.common.configuration import config
from valence.conductor.cluster import leases
from valence.db import store
from valence.introspection.storages import migration
from valence.introspection.storages import storage

EXAMPLES = """\
examples:
  what would be moved      valence-migrate-data --from database --to swift --dry-run
  move the data to Swift   valence-migrate-data --from database --to swift
  move it back             valence-migrate-data --from swift --to database
"""


OPTIONS = [
    cfg.StrOpt("from", dest="source", required=True, help="Storage that has the data."),
    cfg.StrOpt("to", dest="target", required=True, help="Storage that is to have them."),
    cfg.BoolOpt("dry-run", default=False, help="Say what would be done, and do nothing."),
]
BAR = 30


@process.command(EXAMPLES)
def main(argv, conf=cfg.CONF):
    """Run the migration; the exit code is 0 when everything is at the target, 1 when something is not."""
    config.load(argv, "valence-migrate-data", conf=conf, cli=OPTIONS)
    with contextlib.closing(store.connect(conf, secrets.load(conf))) as database:
        database.schema.require()
        return migrate(conf, database)


def migrate(conf, database):
    """Move everything and print what became of it; return the exit code."""
    seconds = conf.conductor.lease_seconds
    keeper = leases.LeaseKeeper(database, f"valence-migrate-data on {conf.host}", seconds)
    with _running(keeper):
        # A migration that was killed a moment ago may have left a lease.
        hold = functools.partial(_hold, keeper, patience=2 * seconds)
        moving = migration.Migration(database, *_storages(conf, database), hold, dry_run=conf.dry_run)
        outcomes = _move(moving, moving.contents())
    print(f"{'Dry run: ' if conf.dry_run else ''}{migration.summary(outcomes)}.")
    return 1 if migration.FAILED in outcomes else 0


@contextlib.contextmanager
def _running(keeper):
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()


def _hold(keeper, node_id, patience):
    """Return the context in which no conductor works on the introspection of a machine."""
    from valence.conductor.introspection import states  # noqa: PLC0415  --help need not wait for it

    return keeper.hold(states.lease_name(node_id), patience=patience)


def _move(moving, names):
    """Move contents, print what was not moved, and return the outcomes."""
    outcomes = []
    for node_id, suffix, outcome, reason in moving.run(names):
        outcomes.append(outcome)
        if outcome in (migration.ORPHANED, migration.FAILED):
            print(f"{node_id} {storage.what(suffix)}: {outcome}{reason and f': {reason}' or ''}")
        _show_progress(len(outcomes), len(names))
    return outcomes


def _storages(conf, database):
    if conf.source == conf.target:
        raise introspection_errors.StorageUnusable(storage=conf.target, reason="it is the source as well")
    found = [storage.load(conf, database, name) for name in (conf.source, conf.target)]
    for each, name in zip(found, (conf.source, conf.target), strict=True):
        if not each.keeps:
            raise introspection_errors.StorageUnusable(storage=name, reason="it keeps nothing")
    return found


def _show_progress(done, of):
    """Draw a bar where somebody looks on."""
    if not sys.stderr.isatty():
        return
    filled = BAR * done // of
    end = "\n" if done == of else ""
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done}/{of}{end}")
