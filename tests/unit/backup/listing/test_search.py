# SPDX-License-Identifier: Apache-2.0
"""Searches: by column where there is one, else in the documents, always by equal value and kind."""

from tests.unit.backup import case
from valence.backup import listing
from valence.db import models


class SearchTest(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.register()
        self.register("node-2")
        self.add_job("a", job_schedule={"status": "completed"})
        self.add_job("b", job_schedule={"schedule_interval": "1 days"}, description="weekly")
        self.add_job("c", client="node-2")

    def found(self, *match, without=(), **wanted):
        rows = self.list(
            "jobs", match=[list(each) for each in match], match_not=[list(each) for each in without], **wanted
        )
        return [row["job_id"] for row in rows]

    def test_what_a_scheduler_asks(self):
        self.assertEqual(["b"], self.found(("client_id", "node-1"), without=[("status", "completed")]))

    def test_columns(self):
        for pair, names in (
            (("job_id", "b"), ["b"]),
            (("session_id", ""), ["a", "b", "c"]),
            (("status", ""), ["b", "c"]),
            (("session_tag", 0), ["a", "b", "c"]),
            (("project_id", "other"), []),
        ):
            self.assertEqual(names, self.found(pair), pair)

    def test_values_of_another_kind_are_not_equal(self):
        self.assertEqual([], self.found(("session_tag", "0")))
        self.assertEqual([], self.found(("session_tag", False)))
        self.assertEqual(["a", "b", "c"], self.found(without=[("session_tag", "0")]))

    def test_what_has_no_column_is_looked_for_in_the_documents(self):
        self.assertEqual(["b"], self.found(("schedule_interval", "1 days")))
        self.assertEqual(["b"], self.found(("description", "weekly")))
        self.assertEqual(["a", "b", "c"], self.found(("path_to_backup", "/etc")))
        self.assertEqual([], self.found(("path_to_backup", "/etc"), ("zzz", 1)))
        self.assertEqual(["a", "c"], self.found(without=[("schedule_interval", "1 days")]))

    def test_pages_come_after_the_search(self):
        self.assertEqual(["b"], self.found(("path_to_backup", "/etc"), limit=1, offset=1))
        self.assertEqual(["b"], self.found(("session_id", ""), limit=1, offset=1))

    def test_the_texts_of_a_url_are_values(self):
        for name, text, names in (
            ("status", "completed", ["a"]),
            ("session_tag", "0", ["a", "b", "c"]),
            ("time_started", "-1", ["a", "b", "c"]),
        ):
            self.assertEqual(names, self.found(query=[[name, text]]), name)
        self.assertEqual(["b"], self.found(query=[["schedule_interval", "1 days"]]))
        self.register("centre", is_central=True)
        found = self.list("clients", query=[["is_central", "True"]])
        self.assertEqual(["centre"], [row["client"]["client_id"] for row in found])

    def test_only_what_is_wanted_of_a_document(self):
        self.assertEqual([{"job_id": "a"}], self.list("jobs", fields=["job_id", "nothing"], limit=1))

    def test_all_known_names_are_fields(self):
        for name, fields in listing.FIELDS.items():
            self.assertEqual(set(), set(fields.values()) - getattr(models, name).fields.keys(), name)
