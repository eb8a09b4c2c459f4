# SPDX-License-Identifier: Apache-2.0
"""What errors of the database libraries mean."""

import sqlite3
import struct

import psycopg
import pymysql
import sqlalchemy
import testscenarios
import testtools

from valence.common import errors
from valence.db.sql import failures

#: what MariaDB 10.11 says when another server that starts has removed its temporary tables
REMOVED = "Error on delete of '/tmp/#sql-temptable-5dc6-c-d.MAI' (Errcode: 2 \"No such file or directory\")"
DAMAGED = "Incorrect key file for table '/tmp/#sql-temptable-5dc6-c-d.MAI'; try to repair it"


def mysql_error(number, text):
    """Return the error that PyMySQL makes of a packet of the server's."""
    try:
        pymysql.err.raise_mysql_exception(b"\xff" + struct.pack("<H", number) + b"#HY000" + text.encode())
    except pymysql.MySQLError as error:
        return error


def postgresql_error(state):
    """Return the error that psycopg makes of an SQLSTATE."""
    return psycopg.errors.lookup(state)("the server says so")


def sqlite_error(code):
    """Return the error that sqlite3 makes of a code."""
    error = sqlite3.OperationalError("SQLite says so")
    error.sqlite_errorcode = code
    return error


class TranslateTest(testscenarios.WithScenarios, testtools.TestCase):
    scenarios = [
        (name, {"error": error, "meaning": meaning})
        for name, error, meaning in (
            ("removed", mysql_error(6, REMOVED), failures.Lost),
            ("damaged", mysql_error(1034, DAMAGED), failures.Lost),
            ("memory of a query", mysql_error(1038, "Out of sort memory"), failures.Lost),
            ("file limit", mysql_error(23, "Out of resources when opening file"), failures.Lost),
            (
                "full for temporary tables",
                mysql_error(
                    1, "Can't create/write to file '/tmp/x' (Errcode: 28 \"No space left on device\")"
                ),
                errors.StoreFull,
            ),
            (
                "full for the engine",
                mysql_error(1030, 'Got error 28 "No space left on device" from storage engine InnoDB'),
                errors.StoreFull,
            ),
            ("full", mysql_error(1114, "The table 'x' is full"), errors.StoreFull),
            ("wrong statement", mysql_error(1064, "You have an error in your SQL syntax"), pymysql.Error),
            ("postgresql: memory", postgresql_error("53200"), failures.Lost),
            ("postgresql: file", postgresql_error("58030"), failures.Lost),
            ("postgresql: full", postgresql_error("53100"), errors.StoreFull),
            ("postgresql: wrong statement", postgresql_error("42601"), psycopg.Error),
            ("sqlite: file", sqlite_error(sqlite3.SQLITE_IOERR_READ), failures.Lost),
            ("sqlite: full", sqlite_error(sqlite3.SQLITE_FULL), errors.StoreFull),
            ("sqlite: wrong statement", sqlite_error(sqlite3.SQLITE_ERROR), sqlite3.Error),
        )
    ]

    def test_it_means(self):
        wrapped = sqlalchemy.exc.DBAPIError("SELECT 1", {}, self.error)
        meaning = failures.translate(wrapped)
        self.assertIsInstance(getattr(meaning, "orig", meaning), self.meaning)
        if not hasattr(meaning, "orig"):
            self.assertIn(failures.reason(self.error), str(meaning))
