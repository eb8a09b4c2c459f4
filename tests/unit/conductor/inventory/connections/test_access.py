# SPDX-License-Identifier: Apache-2.0
"""Pod managers are read also after a loss of the keys, and what a contact depends on is told from the rest."""

from tests import base
from tests import embedded
from valence.common import errors
from valence.common import secrets
from valence.conductor.inventory import connections
from valence.db import models


class AccessTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod()).simulator
        self.pod_manager = self.database.register(self.simulator)

    def lose_key(self):
        """Replace the key file by one with another key."""
        path = secrets.key_file(self.database.conf)
        path.unlink()
        secrets.create(path)

    def test_without_a_key_only_the_password_is_missing(self):
        self.lose_key()
        found = connections.read(self.database.store, self.pod_manager.uuid)
        self.assertEqual((self.pod_manager.url, None), (found.url, found.password))

    def test_of_several_the_readable_ones_keep_their_passwords(self):
        self.lose_key()
        other = self.database.register(self.simulator, name="other", url="http://127.0.0.1:1/redfish/v1")
        uuids = [self.pod_manager.uuid, other.uuid, "gone"]
        found = connections.read_all(self.database.store, uuids)
        self.assertEqual(
            {self.pod_manager.uuid: None, other.uuid: "password"},
            {uuid: each.password for uuid, each in found.items()},
        )

    def test_what_is_gone_is_not_found(self):
        self.assertRaises(errors.NotFound, connections.read, self.database.store, "gone")
        self.assertEqual({}, connections.read_all(self.database.store, ["gone"]))
        self.assertEqual({}, connections.read_all(self.database.store, []))

    def test_a_contact_depends_on_the_way_of_access_the_group_and_maintenance(self):
        before = connections.of_contact(self.pod_manager)
        for values in (
            {"url": "http://127.0.0.1:1/redfish/v1"},
            {"username": "other"},
            {"password": "other"},
            {"verify_ca": "false"},
            {"maintenance": True},
            {"conductor_group": "other"},
        ):
            self.assertNotEqual(before, connections.of_contact(self.pod_manager.replace(**values)), values)
        same = self.pod_manager.replace(description="other", status="online", failures=3, revision=9)
        self.assertEqual(before, connections.of_contact(same))
        self.assertIsInstance(same, models.PodManager)
