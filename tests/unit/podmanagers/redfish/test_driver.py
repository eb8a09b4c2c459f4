# SPDX-License-Identifier: Apache-2.0
"""The driver as the conductor uses it."""

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers import base

SYSTEM = "/redfish/v1/Systems/1"


class DriverTest(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve(
            {"/redfish/v1/Systems": case.collection(SYSTEM), SYSTEM: {"Id": "1", "Name": "one"}}
        )
        self.driver = self.connect(self.service.url)

    def test_contacts_nobody_when_it_is_made(self):
        self.assertEqual([], self.service.requests)

    def test_is_found_by_its_name(self):
        driver = base.load(self.conf, self.pod_manager(self.service.url))
        self.addCleanup(driver.close)
        self.assertEqual("one", driver.read(SYSTEM)["Name"])

    def test_a_url_that_is_none_is_told_at_once(self):
        self.assertRaises(errors.PodManagerError, self.connect, "nonsense")


class RootTest(DriverTest):
    def test_tells_what_the_root_tells(self):
        self.service.documents[case.ROOT] |= {"UUID": "u-1", "Name": "Pod", "RedfishVersion": "1.15.0"}
        self.assertEqual(base.Root("u-1", "Pod", "1.15.0"), self.driver.root())

    def test_tells_nothing_where_the_root_does_not(self):
        self.service.documents[case.ROOT] |= {"UUID": None, "Name": ["Pod"]}
        self.assertEqual(base.Root(None, None, None), self.driver.root())


class ReadTest(DriverTest):
    def test_returns_the_document_as_it_is_now(self):
        self.assertEqual("one", self.driver.read(SYSTEM)["Name"])
        self.service.documents[SYSTEM]["Name"] = "two"
        self.assertEqual("two", self.driver.read(SYSTEM)["Name"])

    def test_what_is_not_there_is_gone(self):
        self.assertRaises(errors.ResourceGone, self.driver.read, SYSTEM + "0")

    def test_refuses_whatever_leaves_the_pod_manager(self):
        other = self.serve({SYSTEM: {}})
        for url in (
            other.url + SYSTEM,
            f"//{other.url[7:]}{SYSTEM}",
            f"{SYSTEM}/../../x",
            "/%2e%2e/x",
            "x",
            "",
            "\\x",
        ):
            self.assertRaises(errors.PodManagerError, self.driver.read, url)
        self.assertEqual(([], []), (other.requests, self.service.requests))


class CloseTest(DriverTest):
    def test_never_raises(self):
        self.driver.close()
        self.driver.close()
        self.assertRaises(errors.PodManagerUnreachable, self.driver.read, SYSTEM)
