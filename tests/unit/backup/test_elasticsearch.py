# SPDX-License-Identifier: Apache-2.0
"""Documents out of dumps and out of servers of any version."""

import json

from tests import base
from tests import elasticsearch as fake
from valence.backup import elasticsearch
from valence.common import errors

HITS = [
    {"_type": "clients", "_id": "1", "_version": 1, "_source": {"client": {"client_id": "node"}}},
    {"_type": "actions", "_id": "2", "_version": 2, "_source": {"action_id": "2", "freezer_action": {}}},
    {"_type": "jobs", "_id": "3", "_version": 3, "_source": {"job_id": "3", "job_actions": []}},
    {"_type": "sessions", "_id": "4", "_version": 4, "_source": {"session_id": "4", "schedule": {}}},
    {"_type": "backups", "_id": "5", "_version": 5, "_source": {"backup_id": "5", "backup_metadata": {}}},
    {"_type": "other", "_id": "6", "_version": 1, "_source": {"mapping": {}}},
]
COLLECTIONS = ["clients", "actions", "jobs", "sessions", "backups", None]


class ServerTest(base.TestCase):
    def read(self, **options):
        server = self.useFixture(fake.Elasticsearch(HITS, **options))
        return server, [*elasticsearch.read_server(server.url, "freezer")]

    def test_every_version_is_read_page_by_page(self):
        for version in (1, 5, 8):
            server, hits = self.read(version=version, page=4)
            self.assertEqual(COLLECTIONS, [hit.collection for hit in hits], version)
            self.assertEqual([1, 2, 3, 4, 5, 1], [hit.version for hit in hits])
            self.assertEqual(3, server.scrolls)

    def test_what_goes_wrong_is_told(self):
        server = self.useFixture(fake.Elasticsearch(HITS))
        error = self.assertRaises(errors.BadRequest, list, elasticsearch.read_server(server.url, "elsewhere"))
        self.assertIn("no such index", error.detail)
        error = self.assertRaises(
            errors.BadRequest, list, elasticsearch.read_server("http://127.0.0.1:1", "freezer")
        )
        self.assertIn("does not answer", error.detail)


class FileTest(base.TestCase):
    def read(self, text):
        file = self.make_folder() / "dump.ndjson"
        file.write_text(text)
        return [*elasticsearch.read_file(file)]

    def test_a_hit_a_line(self):
        hits = self.read("\n".join(map(json.dumps, HITS)) + "\n\n")
        self.assertEqual(COLLECTIONS, [hit.collection for hit in hits])

    def test_what_is_no_hit_is_told_with_its_line(self):
        for text in ('{"_id": "1"}\n{', '{"_id": "1"}\n[1]'):
            error = self.assertRaises(errors.BadRequest, self.read, text)
            self.assertIn("line 2", error.detail)

    def test_a_file_that_is_not_there(self):
        self.assertRaises(errors.BadRequest, list, elasticsearch.read_file("/nowhere/dump.ndjson"))
