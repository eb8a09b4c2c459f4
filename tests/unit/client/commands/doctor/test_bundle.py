# SPDX-License-Identifier: Apache-2.0
"""The archive of the doctor: documents without secrets, which are valid JSON all the same."""

import json
import tarfile

from tests import base
from valence.client.commands.doctor import bundle
from valence.client.commands.doctor import report as reports


class BundleTest(base.TestCase):
    def test_secrets_leave_json_and_its_fields_as_they_are(self):
        report = reports.Report()
        report.secrets = {"true", "alive", "12345", 'a"b'}
        report.documents["rows.json"] = [{"alive": True, "n": 12345, "text": 'is alive: a"b, {"x": "a\\"b"}'}]
        file = self.make_folder() / "report.tar.gz"
        bundle.write(str(file), report)
        with tarfile.open(file) as archive:
            document = json.load(archive.extractfile("valence-doctor/rows.json"))
        self.assertEqual([{"alive": True, "n": 12345, "text": 'is ***: ***, {"x": "***"}'}], document)

    def test_secret_fields_and_logins_at_any_depth(self):
        document = {"rows": ({"password": "a", "url": "http://u:p@h/"}, {"password": None})}
        expected = {"rows": [{"password": "***", "url": "http://***@h/"}, {"password": None}]}
        self.assertEqual(expected, bundle.redacted(document, ()))
