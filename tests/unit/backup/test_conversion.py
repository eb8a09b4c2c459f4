# SPDX-License-Identifier: Apache-2.0
"""Old documents as rows: old names, gaps and wrong kinds are mended, and said."""

from tests import base
from tests.unit.backup.case import ACTION
from valence.backup import conversion
from valence.backup.elasticsearch import Hit


def document(collection, **source):
    """Return a document of a user whose project is "demo"."""
    hit = Hit(collection, "identifier", 7, {"user_id": "alice"} | source)
    return conversion.Document(hit, {"alice": "demo"}.get)


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
        metadata = {"backup_name": "b", "host_name": "node", "timestamp": 5}
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
        told = document("jobs", job_id="j", client_id="node", description="x" * 2000)
        row, _ = conversion.job(told)
        self.assertEqual(1024, len(row.description))
        self.assertIn("description was", told.notes[0])

    def test_a_client_that_says_nothing_of_its_abilities(self):
        row = conversion.client(document("clients", client={"client_id": "node"}))
        self.assertEqual((None, conversion.new_uuid("identifier")), (row.supported_modes, row.uuid))

    def test_values_that_there_are_no_more(self):
        row = conversion.client(
            document("clients", client={"client_id": "node", "supported_modes": ["tape"]})
        )
        self.assertEqual(["tape"], row.supported_modes)
        row = conversion.backup(document("backups", backup_metadata={}, status="restoring"))
        self.assertEqual("error", row.status)

    def test_what_cannot_be_kept_is_refused(self):
        for convert, told in (
            (conversion.action, document("actions", action_id="a", freezer_action={})),
            (conversion.action, document("actions", action_id="no name", freezer_action=ACTION)),
            (conversion.action, document("actions", action_id="a" * 300, freezer_action=ACTION)),
            (conversion.backup, document("backups", backup_id="b")),
            (conversion.job_actions_of, document("jobs", job_actions=["a"])),
        ):
            self.assertRaises(conversion.Refused, convert, told)

    def test_a_fork_has_the_same_name_each_time(self):
        row = conversion.action(document("actions", action_id="a", freezer_action=ACTION))
        other = conversion.action(
            document("actions", action_id="a", freezer_action=ACTION | {"mode": "nova"})
        )
        self.assertEqual(conversion.fork(row).id, conversion.fork(row).id)
        self.assertNotEqual(conversion.fork(row).id, conversion.fork(other).id)
