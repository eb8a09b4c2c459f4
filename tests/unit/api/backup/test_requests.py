# SPDX-License-Identifier: Apache-2.0
"""What a request to the backup service may cost."""

import json

from tests.unit.api import case
from valence.api.backup import requests


class CostTest(case.APITestCase):
    def search(self, document, url="/backup/v1/backups"):
        """Return the response to a search."""
        return self.send("GET", url, document)

    def test_a_search_has_a_limited_number_of_conditions(self):
        pairs = [{"hostname": f"h{number}"} for number in range(requests.MOST_TERMS + 1)]
        for document in (
            {"match": pairs},
            {"match_not": pairs},
            {"match": pairs[:60], "match_not": pairs[:60]},
            {"match": [{f"name-{number}": 1 for number in range(5000)}]},
            {"match": [{"_all": json.dumps(pairs)}]},
        ):
            response = self.search(document)
            self.assertEqual(400, response.status_code, response.text[:200])
            self.assertIn(f"there may be {requests.MOST_TERMS} of them", response.json["description"])
        self.assertLess(max(map(len, self.log.output.splitlines())), 2000)

    def test_as_many_as_are_allowed_are_answered(self):
        pairs = [
            {"hostname": "h"},
            *({"hostname": f"h{number}"} for number in range(requests.MOST_TERMS - 1)),
        ]
        self.assertEqual({"backups": []}, self.search({"match_not": pairs}).json)

    def test_fields_are_limited_too(self):
        response = self.search({}, "/backup/v1/backups?fields=" + ",".join("abcdefghijk" * 10))
        self.assertEqual(400, response.status_code)

    def test_a_body_has_a_limited_number_of_values(self):
        data = b'{"match": [' + b"[]," * 300_000 + b"[]]}"
        response = self.request("GET", "/backup/v1/backups", data=data, content_type="application/json")
        self.assertEqual(400, response.status_code)
        self.assertIn("more than 20000 values", response.json["description"])

    def test_what_stands_for_all_is_limited_like_a_body(self):
        document = {"match": [{"_all": "[" + "[]," * 200_000 + "[]]"}]}
        self.assertEqual({"backups": []}, self.search(document).json)
