# SPDX-License-Identifier: Apache-2.0
"""Rows that come as JSON arrays."""

import sqlalchemy

from tests import base
from valence.db.sql import rows


class JSONRowsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        table = sqlalchemy.table("shelves", sqlalchemy.column("name"), sqlalchemy.column("weight"))
        self.statement = sqlalchemy.select(table.c.name, table.c.weight).order_by(table.c.weight)
        self.connection = sqlalchemy.create_engine("sqlite://").connect()
        self.addCleanup(self.connection.close)

    def test_a_row_is_an_array(self):
        self.connection.exec_driver_sql("CREATE TABLE shelves (name TEXT, weight INTEGER)")
        self.connection.exec_driver_sql("INSERT INTO shelves VALUES ('\"b\\\n日', 2), (NULL, 1)")
        found = self.connection.execute(rows.pack(self.statement)).all()
        self.assertEqual([[None, 1], ['"b\\\n日', 2]], rows.unpack(found))

    def test_what_is_missing_was_too_long(self):
        self.assertRaises(rows.TooLong, rows.unpack, [("[1]",), (None,)])

    def test_what_is_missing_of_encoded_rows_was_too_long(self):
        self.assertEqual("[{},{}]", rows.text(["{}", "{}"]))
        self.assertRaises(rows.TooLong, rows.text, ["{}", None])
