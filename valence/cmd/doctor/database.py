# SPDX-License-Identifier: Apache-2.0
"""Checks of the database: whether it answers, its schema, its clock, and what the site has in it."""

import contextlib
import math
import os
import time

from valence import version
from valence.client.commands.doctor import inventory
from valence.cmd.doctor import files
from valence.common import errors
from valence.common import secrets
from valence.db import models
from valence.db import store

#: seconds by which clocks may differ
SKEW = 2
#: rows that an archive has of the last operations and events, and rows that are checked at most
RECENT, MOST = 100, 1000


def examine(report, conf, *, recent=False):
    """Check the database of a configuration; with ``recent`` the documents have operations and events, too."""
    path = files.sqlite_file(conf)
    if path is not None and not os.path.exists(path):  # a connection would create it
        found, reason = (
            f"The database {path} does not exist.",
            "No conductor was started with this configuration.",
        )
        report.add("database.schema", found, reason)
        return
    try:
        cipher = secrets.Sealed() if report.has("keys.unusable") else secrets.load(conf)
        database = store.connect(conf, cipher)
    except errors.ValenceError as error:
        _add_misconfigured(report, error)
        return
    with contextlib.closing(database):
        try:
            _examine_schema(report, database, is_sql=not conf.database.connection.startswith("etcd"))
            _examine_clock(report, database)
            _examine_rows(report, database)
            if not report.has("keys.unusable"):
                _examine_secrets(report, conf, database)
            if recent:
                _add_recent(report, database)
        except errors.SchemaOutdated as error:
            report.add("database.schema", error.detail, error.problems[0]["hint"])
        except errors.StoreUnavailable as error:
            file = conf.config_file[0] if conf.config_file else "valence.conf"
            report.add("database.unreachable", error.detail, "See [database] connection.", file=file)


def _add_misconfigured(report, error):
    problem = error.problems[0]
    install = error.kwargs.get("extra")
    command = f"pip install 'valence[{install}]'" if install else "valence-conductor --help"
    report.add("config.database", problem["detail"], problem["hint"], command=command)


def _examine_schema(report, database, *, is_sql):
    database.ping()
    database.schema.require()
    mine, there = database.schema.head(), database.schema.version()
    if there != mine:
        found = f"The database has the schema version {there}, newer than {mine} of this host."
        report.add("database.newer", found, "Another host was upgraded first.")
        return
    # On etcd this reads every object.
    for difference in database.schema.differences() if is_sql else ():
        report.add(
            "database.differs", f"The schema differs: {difference}", "Somebody has changed it by hand."
        )
    for table, column, charset in database.schema.charsets():
        found = f"The column {column} of the table {table} is stored as {charset}."
        report.add("database.charset", found, "It cannot hold every text.", table=table)


def _examine_clock(report, database):
    earliest, latest = database.clock()
    now = time.time()
    if not math.isfinite(earliest) or not math.isfinite(latest):
        return
    skew = max(earliest - now, now - latest)
    if skew > SKEW:
        found = f"The clocks of the database and of this host differ by {skew:.0f} s."
        report.add("database.clock", found, "Times in the log of this host are wrong.")


def _examine_rows(report, database):
    site = inventory.Site(
        now=database.now(),
        version=version.version_string(),
        conductors=_rows(database, models.Conductor),
        pod_managers=_rows(database, models.PodManager, limit=None),
        operations=_rows(database, models.Operation, _in("state", inventory.OPEN)),
        nodes=_rows(database, models.Node, _in("state", inventory.UNSETTLED)),
        claims=_rows(database, models.Claim, limit=None),
    )
    report.documents["conductors.json"] = site.conductors
    report.documents["pod_managers.json"] = site.pod_managers
    inventory.examine(report, site)


def _add_recent(report, database):
    newest = [store.Sort("created_at", descending=True)]
    report.documents["operations.json"] = _rows(database, models.Operation, sort=newest, limit=RECENT)
    newest = [store.Sort("sequence", descending=True)]
    report.documents["events.json"] = _rows(database, models.Event, sort=newest, limit=RECENT)


def _examine_secrets(report, conf, database):
    """Check that the keys of this host decrypt the stored secrets."""
    try:
        rows = database.list(models.PodManager, fields=["uuid", "password"])
    except errors.SecretUnreadable as error:
        report.add("keys.mismatch", error.detail, error.problems[0]["hint"], file=secrets.key_file(conf))
    else:
        # To keep them out of the archive, whatever an error or an event says.
        report.secrets |= {row.password for row in rows if len(row.password) > 3}


def _rows(database, model, filters=(), *, sort=(), limit=MOST):
    """Return the public fields of rows."""
    names = model.public_fields()
    found = database.list(model, filters=filters, sort=sort, limit=limit, fields=names)
    return [row.public() for row in found]


def _in(field, values):
    return [store.Filter(field, "in", values)]
