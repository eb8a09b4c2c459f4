# SPDX-License-Identifier: Apache-2.0
"""The screen of an API whose conductor is killed."""

from tests import deployment
from tests.ui import case


class ConductorTest(case.BrowserTestCase):
    @classmethod
    def site(cls):
        return deployment.Deployment()

    def test_a_page_says_that_the_conductor_is_away_and_recovers_by_itself(self):
        self.expected, self.unreachable = {503}, True
        self.open("/nodes", "Nodes")
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.valence.conductor.kill()
        self.page.get_by_role("link", name="Devices", exact=True).click()
        outage = self.page.get_by_role("status").get_by_text("Not available")
        self.see(outage)
        self.assert_accessible("color-contrast")
        self.valence.conductor.start()
        self.gone(outage)
        self.see(self.page.get_by_text("There are no devices."))
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.assertEqual(0, self.page.get_by_role("alert").count())
