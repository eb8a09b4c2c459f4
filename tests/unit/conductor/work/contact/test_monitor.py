# SPDX-License-Identifier: Apache-2.0
"""What contacts mean for the status of a pod manager."""

import testtools

from valence.common import errors
from valence.conductor.work import contact
from valence.db import models
from valence.podmanagers import base

DEAD = errors.PodManagerUnreachable(url="http://p", reason="refused")


class StatusTest(testtools.TestCase):
    def test_the_first_good_contact_makes_it_online(self):
        values = contact.contacted(models.PodManager(name="p"), base.Root("u", "n", "1.0"))
        self.assertEqual({"status": "online", "redfish_uuid": "u"}, values)

    def test_a_further_good_contact_changes_nothing(self):
        pod_manager = models.PodManager(name="p", status="online", redfish_uuid="u")
        self.assertEqual({}, contact.contacted(pod_manager, base.Root("u", None, None)))

    def test_one_failure_is_not_offline(self):
        values = contact.failed(models.PodManager(status="online"), DEAD, 1, offline_after=2, reached=False)
        self.assertNotIn("status", values)
        self.assertEqual(1, values["failures"])

    def test_failures_in_a_row_are_offline(self):
        pod_manager = models.PodManager(status="online", failures=1)
        self.assertEqual(
            "offline", contact.failed(pod_manager, DEAD, 1, offline_after=2, reached=False)["status"]
        )

    def test_a_pod_manager_that_answers_its_root_is_not_offline(self):
        pod_manager = models.PodManager(status="online", failures=5)
        self.assertNotIn("status", contact.failed(pod_manager, DEAD, 1, offline_after=2, reached=True))
