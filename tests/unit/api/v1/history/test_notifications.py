# SPDX-License-Identifier: Apache-2.0
"""What is told of notifications."""

import jsonschema

from tests.unit.api import case
from valence.db import models
from valence.db.models import event


class NotificationTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.told = self.get("/v1/notifications").json["notifications"]

    def test_every_type_is_told(self):
        self.assertEqual(list(event.EVENT_TYPES), [each["event_type"] for each in self.told])

    def test_every_sample_meets_its_schema(self):
        for each in self.told:
            jsonschema.Draft202012Validator.check_schema(each["schema"])
            jsonschema.validate(each["sample"], each["schema"])

    def test_no_secret_is_in_them(self):
        self.assertNotIn("password", str([each["sample"] for each in self.told]))

    def test_what_is_published_meets_its_schema(self):
        self.add_pod_manager()
        (stored,) = self.backend.store.list(models.Event)
        schema = next(each["schema"] for each in self.told if each["event_type"] == stored.event_type)
        jsonschema.validate(stored.payload(0), schema)
        self.assertEqual(set(stored.new), set(schema["properties"]["new"]["properties"]))
