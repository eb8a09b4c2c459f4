# SPDX-License-Identifier: Apache-2.0
"""Errors of the dialect of the backup service."""

from tests.unit.api import case


class InUseTest(case.APITestCase):
    def test_a_client_with_jobs_is_not_removed_and_the_reason_names_it(self):
        self.post("/backup/v2/p/clients", {"client_id": "node"})
        job = {"client_id": "node", "job_actions": []}
        self.assertEqual(201, self.post("/backup/v2/p/jobs", job).status_code)
        response = self.request("DELETE", "/backup/v2/p/clients/node")
        self.assertEqual(409, response.status_code)
        self.assertEqual("In Use", response.json["title"])
        self.assertIn("node is in use", response.json["description"])
        self.assertNotIn("p:node", response.text)
