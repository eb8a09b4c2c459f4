# SPDX-License-Identifier: Apache-2.0
"""The actions of a job: by name, in place, in their order, with retries of their own."""

from tests.unit.backup import case
from valence.backup import actions
from valence.backup import jobs
from valence.common import errors
from valence.db import models


class JobActionsTest(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.register()
        actions.create(self.store, self.demo, "etc", {"freezer_action": case.ACTION})

    def shown(self, *entries, **told):
        return self.add_job(entries=entries, **told)["job_actions"]

    def test_order_is_kept(self):
        entries = [{"freezer_action": {"action": "exec", "command": str(number)}} for number in range(12)]
        commands = [each["freezer_action"]["command"] for each in self.shown(*entries)]
        self.assertEqual([str(number) for number in range(12)], commands)

    def test_a_named_action_says_what_it_says_now(self):
        self.shown({"action_id": "etc"})
        actions.update(self.store, self.demo, "etc", {"max_retries": 8})
        (entry,) = self.show("jobs", "nightly")["job_actions"]
        self.assertEqual(
            ("etc", 8, 6, False), tuple(entry[name] for name in ("action_id", *actions.RETRYING))
        )

    def test_a_job_retries_in_its_own_way(self):
        (entry,) = self.shown({"action_id": "etc", "max_retries": 1, "mandatory": True})
        self.assertEqual((1, 6, True), tuple(entry[name] for name in actions.RETRYING))
        self.assertEqual(5, self.show("actions", "etc")["max_retries"])

    def test_an_action_in_place_becomes_one(self):
        (entry,) = self.shown(case.ENTRY)
        self.assertEqual((3, 60, True), tuple(entry[name] for name in actions.RETRYING))
        self.assertEqual(
            case.ACTION["backup_name"],
            self.show("actions", entry["action_id"])["freezer_action"]["backup_name"],
        )

    def test_a_named_action_that_is_there_in_another_form_is_refused(self):
        same = {"action_id": "etc", "freezer_action": case.ACTION | {"timeout": None}}
        self.assertEqual("etc", self.shown(same)[0]["action_id"])
        other = {"action_id": "etc", "freezer_action": {"action": "restore"}}
        self.assertRaises(errors.Unprocessable, self.add_job, "other", entries=[other])

    def test_an_unknown_action_is_refused_and_a_described_one_made(self):
        error = self.assertRaises(errors.Unprocessable, self.shown, {"action_id": "ghost"})
        self.assertIn("ghost not found", error.detail)
        self.assertEqual("mine", self.shown({"action_id": "mine", **case.ENTRY})[0]["action_id"])

    def test_a_refused_job_leaves_nothing(self):
        before = len(self.list("actions"))
        self.assertRaises(errors.Unprocessable, self.shown, case.ENTRY, {"action_id": "ghost"})
        self.assertEqual((before, []), (len(self.list("actions")), self.list("jobs")))

    def test_defaults_fill_gaps(self):
        defaults = {"path_to_backup": "/d", "mode": "fs"}
        own = {"freezer_action": {"action": "backup", "path_to_backup": "/own"}}
        shown = self.shown({"freezer_action": {"action": "backup"}}, own, action_defaults=defaults)
        self.assertEqual(["/d", "/own"], [each["freezer_action"]["path_to_backup"] for each in shown])

    def test_attachments_stay_at_their_places(self):
        self.shown(case.ENTRY, case.ENTRY)
        first, second = jobs.attachments(self.store, "demo:nightly")
        jobs.update(self.store, self.demo, "nightly", {"job_actions": [{"action_id": "etc"}]})
        (kept,) = jobs.attachments(self.store, "demo:nightly")
        self.assertEqual((first.id, "demo:etc"), (kept.id, kept.action_id))
        self.assertRaises(errors.NotFound, self.store.get, models.ActionAttachment, second.id)

    def test_a_removed_action_leaves_its_jobs(self):
        self.shown({"action_id": "etc"}, case.ENTRY)
        actions.delete(self.store, self.demo, "etc")
        self.assertEqual(1, len(self.show("jobs", "nightly")["job_actions"]))
