# SPDX-License-Identifier: Apache-2.0
"""The released form of credentials."""

from tests.unit.api import case
from valence.db import models


def authentication(**values):
    """Return the released form of credentials."""
    return [{"type": "basic", "auth_items": {"username": "ann", "password": "pear"} | values}]


class AuthenticationTest(case.APITestCase):
    def stored(self):
        """Return the user name and the password that are stored."""
        (pod_manager,) = self.backend.store.list(models.PodManager)
        return pod_manager.username, self.backend.store.get(models.PodManager, pod_manager.uuid).password

    def test_it_is_the_same_as_user_name_and_password(self):
        pod_manager = self.add_pod_manager(authentication=authentication())
        self.assertEqual(("ann", "pear"), self.stored())
        self.assertNotIn("authentication", pod_manager)

    def test_it_can_be_changed(self):
        uuid = self.add_pod_manager(username="admin", password="apple")["uuid"]
        response = self.patch(f"/v1/pod_managers/{uuid}", {"authentication": authentication(password="plum")})
        self.assertEqual(200, response.status_code, response.text)
        self.assertEqual(("ann", "plum"), self.stored())

    def test_what_is_wrong_is_told_with_its_place(self):
        document = case.PODM | {
            "authentication": [{"type": "token", "auth_items": {"username": 7, "realm": "x"}}]
        }
        told = self.assert_error(self.post("/v1/pod_managers", document), 400)
        paths = {
            "$.authentication[0].type",
            "$.authentication[0].auth_items.username",
            "$.authentication[0].auth_items.realm",
            "$.authentication[0].auth_items.password",
        }
        self.assertEqual(paths, {each["path"] for each in told})

    def test_there_is_one_or_none(self):
        for wrong in ([], authentication() * 2, {}, None, "basic"):
            response = self.post("/v1/pod_managers", case.PODM | {"authentication": wrong})
            self.assert_error(response, 400, "valence.validation")
