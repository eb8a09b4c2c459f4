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
        return server, [elasticsearch.hit(told) for told in elasticsearch.fetch(server.url, "freezer")]

    def test_every_version_is_read_page_by_page(self):
        for version in (1, 5, 8):
            server, hits = self.read(version=version, page=4)
            self.assertEqual(COLLECTIONS, [hit.collection for hit in hits], version)
            self.assertEqual([1, 2, 3, 4, 5, 1], [hit.version for hit in hits])
            self.assertEqual(3, server.scrolls)

    def test_what_goes_wrong_is_told(self):
        server = self.useFixture(fake.Elasticsearch(HITS))
        error = self.assertRaises(errors.BadRequest, list, elasticsearch.fetch(server.url, "elsewhere"))
        self.assertIn("no such index", error.detail)
        error = self.assertRaises(
            errors.BadRequest, list, elasticsearch.fetch("http://127.0.0.1:1", "freezer")
        )
        self.assertIn("does not answer", error.detail)

    def test_an_incomplete_answer_is_refused(self):
        for version, answer, problem in (
            (1, {"timed_out": True}, "timed_out"),
            (8, {"_shards": {"total": 5, "successful": 4, "failed": 1}}, '"failed": 1'),
            (1, {"hits": {"total": 7, "hits": HITS}}, "announced 7 documents and sent 6"),
            (8, {"hits": {"total": {"value": 7, "relation": "gte"}, "hits": HITS}}, "announced 7"),
            (1, {"hits": {"total": 5, "hits": HITS}}, "announced 5"),
            (1, {"hits": {"total": 6, "hits": [1]}}, "not a list of objects"),
            (8, {"hits": []}, "not a page"),
        ):
            error = self.assertRaises(errors.BadRequest, self.read, version=version, answer=answer)
            self.assertIn(problem, error.detail)
            self.assertIn("Nothing was imported", error.detail)
        more = {"hits": {"total": {"value": 5, "relation": "gte"}, "hits": HITS}}
        self.assertEqual(6, len(self.read(version=8, answer=more)[1]))

    def test_what_is_not_a_url_is_refused(self):
        for url in ("http://[::1:9200", "http://alice:secret℀@localhost:9200"):
            error = self.assertRaises(errors.BadRequest, list, elasticsearch.fetch(url, "freezer"))
            self.assertNotIn("secret", str(error))

    def test_no_error_shows_the_password(self):
        url = "http://user:secret@127.0.0.1:1"
        error = self.assertRaises(errors.BadRequest, list, elasticsearch.fetch(url, "freezer"))
        self.assertNotIn("secret", error.detail)


class FileTest(base.TestCase):
    def read(self, text):
        file = self.make_folder() / "dump.ndjson"
        file.write_text(text, errors="surrogateescape")
        return [*elasticsearch.read_file(file)]

    def test_a_hit_a_line(self):
        hits = self.read("\n".join(map(json.dumps, HITS)) + "\n\n")
        self.assertEqual(COLLECTIONS, [hit.collection for hit in hits])

    def test_a_line_that_is_not_a_hit_is_named_and_the_next_one_read(self):
        good = {"_id": "1", "_type": "jobs", "_source": {}}
        for broken in ("{", "[1]", "[" * 100_000, '{"_id": "\udcff"}'):
            text = f"{json.dumps(good)}\n{broken}\n{json.dumps(good)}"
            first, second, third = self.read(text)
            self.assertEqual(("", "line 2", ""), (first.problem, second.identifier, third.problem))
            self.assertIn("not", second.problem)

    def test_hits_of_wrong_types(self):
        for name, value in (
            ("_id", 7),
            ("_id", None),
            ("_id", "a\0"),
            ("_version", "7"),
            ("_version", True),
            ("_version", 2**63),
            ("_version", [1]),
            ("_source", "text"),
            ("_source", None),
        ):
            told = {"_id": "1", "_type": "jobs", "_version": 1, "_source": {}} | {name: value}
            self.assertEqual(name, elasticsearch.hit(told).problem.partition(":")[0])
        source = {"job_id": "j", "job_actions": []}
        found = elasticsearch.hit({"_id": "1", "_type": ["jobs"], "_source": source})
        self.assertEqual(("jobs", ""), (found.collection, found.problem))

    def test_a_file_that_is_not_there(self):
        self.assertRaises(errors.BadRequest, list, elasticsearch.read_file("/nowhere/dump.ndjson"))
