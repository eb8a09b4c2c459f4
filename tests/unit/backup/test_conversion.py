# SPDX-License-Identifier: Apache-2.0
"""Old documents as rows: old names, gaps and wrong kinds are mended, and said."""

from tests import base
from tests.unit.backup.case import ACTION
from valence.api.backup import schemas
from valence.backup import conversion
from valence.backup.elasticsearch import Hit


def document(collection, **source):
    """Return a document of a user whose project is "demo"."""
    hit = Hit(collection, "identifier", 7, {"user_id": "alice"} | source)
    return conversion.Document(hit, {"alice": "demo"}.get, schemas.check_import)


class ConversionTest(base.TestCase):
    def test_owner_and_version_are_kept(self):
        row = conversion.action(document("actions", action_id="a", freezer_action=ACTION))
        self.assertEqual(("demo:a", "demo", "alice", 7), (row.id, row.project_id, row.user_id, row.revision))

    def test_a_document_knows_its_project_or_its_user_does(self):
        self.assertEqual("own", document("actions", project_id="own").project_id)
        error = self.assertRaises(conversion.Refused, document, "actions", user_id="nobody")
        self.assertIn("no project for the user nobody", str(error))

    def test_old_names(self):
        told = {"freezer_action": {"action": "backup", "src_file": "/old"}, "max_retry_interval": 9}
        row = conversion.action(document("actions", action_id="a", **told))
        self.assertEqual(("/old", 9), (row.src_file, row.max_retries_interval))
        metadata = {"backup_name": "b", "container": "c", "host_name": "node", "timestamp": 5}
        row = conversion.backup(document("backups", backup_metadata=metadata))
        self.assertEqual(
            ("node", 5, metadata, "demo:identifier"),
            (row.hostname, row.time_stamp, row.backup_metadata, row.id),
        )
        row, attachment = conversion.job(document("jobs", job_id="j", client_id="node", job_event="stop"))
        self.assertEqual("stop", attachment.event)

    def test_times_that_there_are_not(self):
        told = document("sessions", session_id="s", schedule={}, time_start="", time_end=-1, last_start="")
        row = conversion.session(told)
        self.assertEqual((-1, -1, []), (row.time_start, row.time_end, told.notes))
        told = document(
            "jobs", job_id="j", client_id="n", job_schedule={"time_started": "", "time_ended": "12"}
        )
        _, attachment = conversion.job(told)
        self.assertEqual((-1, 12), (attachment.time_started, attachment.time_ended))

    def test_what_does_not_fit_is_cut_and_told(self):
        told = document("jobs", job_id="j", client_id="node", description="x" * 2000, job_schedule={})
        row, _ = conversion.job(told)
        self.assertEqual(
            (1024, ["description was cut at 1024 characters"]), (len(row.description), told.notes)
        )

    def test_a_client_that_says_nothing_of_its_abilities(self):
        row = conversion.client(document("clients", client={"client_id": "node"}))
        self.assertEqual((None, conversion.new_uuid("identifier")), (row.supported_modes, row.uuid))

    def test_values_that_there_are_no_more(self):
        able = {"client_id": "node", "supported_modes": ["tape", "fs"]}
        told = document("clients", client=able)
        self.assertEqual(
            (["fs"], ["supported_modes had ['tape']"]), (conversion.client(told).supported_modes, told.notes)
        )
        told = document("backups", backup_metadata={"backup_name": "b"}, status="restoring")
        self.assertEqual(("error", ["status was 'restoring'"]), (conversion.backup(told).status, told.notes))

    def test_what_cannot_be_kept_is_refused_with_its_field(self):
        named = {"action_id": "a", "freezer_action": ACTION}
        for problem, convert, told in (
            ("freezer_action", conversion.action, {"action_id": "a", "freezer_action": {}}),
            ("action_id", conversion.action, named | {"action_id": "no name"}),
            ("action_id", conversion.action, named | {"action_id": "a" * 300}),
            ("backup_metadata", conversion.backup, {"backup_id": "b"}),
            ("job_actions.0", lambda made: made.job_actions, {"job_actions": ["a"]}),
            ("jobs", lambda made: made.members, {"jobs": {"j": 7}}),
        ):
            error = self.assertRaises(conversion.Refused, convert, document("actions", **told))
            self.assertEqual(problem, str(error).partition(":")[0])

    def test_an_owner_is_one_that_requests_can_have(self):
        for field, value in (
            ("project_id", "a/b"),
            ("project_id", 7),
            ("project_id", "x" * 65),
            ("user_id", 7),
            ("user_id", "x" * 256),
            ("user_id", "a\0"),
            ("user_name", {}),
        ):
            error = self.assertRaises(conversion.Refused, document, "actions", **{field: value})
            self.assertEqual(field, str(error).partition(":")[0])

    def test_a_fork_has_the_same_name_each_time(self):
        told = document("actions", action_id="a", freezer_action=ACTION)
        row = conversion.action(told)
        other = conversion.action(
            document("actions", action_id="a", freezer_action=ACTION | {"mode": "nova"})
        )
        self.assertEqual(conversion.fork(told, row).id, conversion.fork(told, row).id)
        self.assertNotEqual(conversion.fork(told, row).id, conversion.fork(told, other).id)
