# SPDX-License-Identifier: Apache-2.0
"""What values the fields of a file take."""

from tests import base
from valence.client.desired_state import sections
from valence.db import models


class FaultTest(base.TestCase):
    def check(self, section, name, good, bad, text):
        field = sections.SECTIONS[section].fields[name]
        self.assertIsNone(sections.fault(field, good))
        self.assertEqual(text, sections.fault(field, bad))

    def test_kinds(self):
        self.check("pod_managers", "url", "https://10.0.0.7", None, "It is missing.")
        self.check("pod_managers", "description", None, 7, "It must be text; put it in quotes.")
        self.check("pod_managers", "url", "http://a", "http", "It must have 8 to 500 characters; it has 4.")
        self.check("pod_managers", "maintenance", True, "yes", "It must be true or false.")
        self.check("flavors", "policy", None, "full", "It must be one of pack, spread.")
        self.check("flavors", "properties", {}, [], "It must be a mapping.")
        self.check("nodes", "devices", ["a"], "a", "It must be a list.")
        self.check("nodes", "devices", ["a"], [], "It must not be empty; leave it out, or name a device.")
        uuid = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
        self.check("nodes", "zone", uuid, "here", "It must be a UUID.")

    def test_a_word_that_yaml_reads_as_a_boolean(self):
        found = sections.fault(sections.SECTIONS["nodes"].fields["power"], True)
        self.assertIn("put it in quotes", found)


class SectionTest(base.TestCase):
    def test_fields_are_those_that_a_client_may_write(self):
        for name, model in (("pod_managers", models.PodManager), ("flavors", models.Flavor)):
            written = {each for each, field in model.fields.items() if field.write != "never"}
            self.assertEqual(written, sections.SECTIONS[name].fields.keys())

    def test_kinds_are_words(self):
        self.assertEqual(
            ["pod manager", "flavor", "quota", "node"], [each.kind for each in sections.SECTIONS.values()]
        )

    def test_a_url_has_no_credentials(self):
        field = sections.SECTIONS["pod_managers"].fields["url"]
        for url in (
            "https://u:hidden@host",
            "https://hidden@host/",
            "https://u:hid/den@host",
            "u:hidden@host",
        ):
            found = sections.fault(field, url)
            self.assertIn("credentials", found)
            self.assertNotIn("hid", found)
        for url in ("https://host:443/a@b", "https://[::1]/a@b", "https://host"):
            self.assertIsNone(sections.fault(field, url))
