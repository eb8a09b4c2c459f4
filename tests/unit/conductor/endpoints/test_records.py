# SPDX-License-Identifier: Apache-2.0
"""Pages of any model, encoded once."""

import json

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import errors
from valence.db import models
from valence.db import store


class RecordsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        conductor = self.useFixture(embedded.Conductor())
        self.records = conductor.client.records
        self.context = message_bus.user_context()
        rows = [models.PodManager(name=f"p{n}", url=f"http://p{n}", maintenance=True) for n in range(5)]
        self.rows = conductor.database.store.commit(*map(store.Create, rows))

    def page(self, **query):
        answer = self.records.list(self.context, "PodManager", **query)
        return [row["name"] for row in json.loads(answer["rows"])], answer["next"]

    def test_pages_follow_each_other(self):
        by_name = [["name", False]]
        names, marker = self.page(sort=by_name, limit=3)
        self.assertEqual(["p0", "p1", "p2"], names)
        self.assertEqual((["p3", "p4"], None), self.page(sort=by_name, limit=3, marker=marker))

    def test_a_page_that_ends_with_the_last_row_has_no_next(self):
        self.assertIsNone(self.page(limit=5)[1])

    def test_only_the_fields_that_were_asked_for_come(self):
        answer = self.records.list(self.context, "PodManager", fields=["name"], limit=1)
        self.assertEqual(["name"], list(json.loads(answer["rows"])[0]))

    def test_filters_select(self):
        self.assertEqual(["p3"], self.page(filters=[["name", "eq", "p3"]])[0])
        self.assertEqual(
            2, self.records.count(self.context, "PodManager", filters=[["name", "in", ["p1", "p2"]]])
        )

    def test_one_row_comes_without_its_secrets(self):
        row = self.records.get(self.context, "PodManager", self.rows[0].uuid)
        self.assertEqual(models.PodManager.public_fields(), list(row))
        self.assertNotIn("password", row)

    def test_a_missing_row_is_not_found(self):
        self.assertRaises(errors.NotFound, self.records.get, self.context, "PodManager", "none")
