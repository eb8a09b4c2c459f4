# SPDX-License-Identifier: Apache-2.0
"""New encryption of stored secrets, a few at a time, while conductors run."""

import sqlalchemy

from valence.db import types

BATCH = 100


def renew(connections, tables, cipher):
    """Encrypt anew what another than the newest key of ``cipher`` encrypted; return how many secrets that were."""
    return sum(
        _renew(connections, tables[model], model.key, name, cipher)
        for model in tables.models()
        for name, field in model.fields.items()
        if isinstance(field, types.Secret)
    )


def _renew(connections, table, key, name, cipher):
    # What a conductor writes in the meantime has the newest key already.
    same = table.c[key] == sqlalchemy.bindparam("_key"), table.c[name] == sqlalchemy.bindparam("_old")
    update = sqlalchemy.update(table).where(*same).values({name: sqlalchemy.bindparam(name)})
    renewed, last = 0, None
    while rows := connections.read(_page(table, key, name, last)):
        last = rows[-1][0]
        tokens = [{"_key": each, "_old": old, name: cipher.renew(old)} for each, old in rows]
        renewed += _write(connections, update, [each for each in tokens if each[name] != each["_old"]])
    return renewed


def _write(connections, update, rows):
    return connections.write(lambda connection: connection.execute(update, rows).rowcount) if rows else 0


def _page(table, key, name, last):
    page = sqlalchemy.select(table.c[key], table.c[name]).where(table.c[name] != "")
    if last is not None:
        page = page.where(table.c[key] > last)
    return page.order_by(table.c[key]).limit(BATCH)
