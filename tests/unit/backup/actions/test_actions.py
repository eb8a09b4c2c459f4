# SPDX-License-Identifier: Apache-2.0
"""Actions: kept in columns and verbatim, changed by what a document gives."""

from tests.unit.backup import case
from valence.backup import actions
from valence.common import errors
from valence.db import models


class ActionsTest(case.BackupCase):
    def create(self, name="etc", **freezer_action):
        actions.create(self.store, self.demo, name, {"freezer_action": case.ACTION | freezer_action})
        return self.show("actions", name)

    def test_everything_told_is_shown_and_what_has_a_column_always(self):
        shown = self.create(storage="local", levels=[1, {"a": None}])["freezer_action"]
        nothing = dict.fromkeys(("timeout", "priority", "log_file"))
        self.assertEqual(case.ACTION | {"storage": "local", "levels": [1, {"a": None}]} | nothing, shown)

    def test_the_schema_has_columns(self):
        self.create(restore_abs_path="/tmp/here")
        row = self.store.get(models.Action, "demo:etc")
        self.assertEqual(("/etc", "/tmp/here", {}), (row.src_file, row.restore_abs_path, row.options))

    def test_the_old_name_of_the_path_is_understood(self):
        told = actions.columns({"action": "backup", "src_file": "/old"})
        self.assertEqual(("/old", {}), (told["src_file"], told["options"]))

    def test_a_taken_name_is_refused(self):
        self.create()
        error = self.assertRaises(errors.Duplicate, self.create)
        self.assertEqual(("action", "id"), (error.kwargs["kind"], error.kwargs["field"]))

    def test_a_name_is_free_in_another_project(self):
        self.create()
        actions.create(self.store, self.other, "etc", {"freezer_action": {"action": "info"}})
        self.assertEqual("info", self.show("actions", "etc", self.other)["freezer_action"]["action"])
        self.assertEqual("backup", self.show("actions", "etc")["freezer_action"]["action"])

    def test_a_change_leaves_what_it_does_not_name(self):
        self.create(storage="local")
        actions.update(self.store, self.demo, "etc", {"max_retries": 9})
        shown = self.show("actions", "etc")
        self.assertEqual(
            (9, 6, "local"),
            (shown["max_retries"], shown["max_retries_interval"], shown["freezer_action"]["storage"]),
        )

    def test_a_changed_freezer_action_is_a_whole_one(self):
        self.create(storage="local")
        actions.update(self.store, self.demo, "etc", {"freezer_action": {"action": "restore"}})
        shown = self.show("actions", "etc")["freezer_action"]
        self.assertEqual(("restore", None, False), (shown["action"], shown["mode"], "storage" in shown))

    def test_replacing_stores_what_is_not_there_and_forgets_what_was(self):
        actions.replace(
            self.store, self.demo, "new", {"freezer_action": {"action": "info"}, "max_retries": 1}
        )
        actions.replace(self.store, self.demo, "new", {"freezer_action": {"action": "exec"}})
        shown = self.show("actions", "new")
        self.assertEqual(("exec", 5), (shown["freezer_action"]["action"], shown["max_retries"]))

    def test_nobody_sees_changes_or_removes_what_is_somebody_elses(self):
        self.create()
        for attempt in (
            lambda: self.show("actions", "etc", self.other),
            lambda: actions.update(self.store, self.other, "etc", {}),
            lambda: actions.delete(self.store, self.other, "etc"),
        ):
            self.assertRaises(errors.NotFound, attempt)

    def test_version_1_shows_what_was_given_and_to_its_user_alone(self):
        self.create(storage="local")
        shown = self.show("actions", "etc", self.demo._replace(version="v1"))
        self.assertEqual(case.ACTION | {"storage": "local"}, shown["freezer_action"])
        self.assertEqual(
            ({"action_id", "user_id", "_version"} - shown.keys(), False), (set(), "project_id" in shown)
        )
        colleague = self.demo._replace(version="v1", user_id="carol")
        self.assertRaises(errors.NotFound, self.show, "actions", "etc", colleague)
