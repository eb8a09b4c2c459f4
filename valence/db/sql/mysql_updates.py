# SPDX-License-Identifier: Apache-2.0
"""Many updates in one statement for MariaDB and MySQL, which otherwise take one round trip each."""

import json

import sqlalchemy

#: fewest updates that are worth it
WORTHWHILE = 8
_JSON = "JSON_TABLE(:updates, '$[*]' COLUMNS ({columns})) AS given"


def statement(table, dialect, names, matches):
    """Return a statement that sets the columns ``names`` of every row of ``:updates``, a JSON list of objects.

    A row is the one in which each column of ``matches`` has the value of the member that the dict names.
    """
    members = {f"new_{name}": table.c[name] for name in names} | {
        matches[name]: table.c[name] for name in matches
    }
    columns = ", ".join(_member(member, column, dialect) for member, column in members.items())
    same = " AND ".join(f"{_column(table, name)} = given.`{member}`" for name, member in matches.items())
    changes = ", ".join(f"{_column(table, name)} = given.`new_{name}`" for name in names)
    source = _JSON.format(columns=columns)
    return sqlalchemy.text(f"UPDATE `{table.name}` JOIN {source} ON {same} SET {changes}")  # noqa: S608


def parameters(names, matches, rows):
    """Return the parameters of ``statement`` for rows that hold new values by ``names`` and old ones by member."""
    wanted = {name: f"new_{name}" for name in names} | {member: member for member in matches.values()}
    updates = [{member: row[name] for name, member in wanted.items()} for row in rows]
    return {"updates": json.dumps(updates, default=str)}


def _member(member, column, dialect):
    return f"`{member}` {column.type.compile(dialect)} PATH '$.{member}'"


def _column(table, name):
    return f"`{table.name}`.`{name}`"
