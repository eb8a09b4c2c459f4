# SPDX-License-Identifier: Apache-2.0
"""Figures for Prometheus."""

from tests.unit.api import case


class MetricsTest(case.APITestCase):
    def figure(self, name):
        """Return a figure, None if it is not there."""
        rows = dict(
            line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines() if not line.startswith("#")
        )
        return rows.get(name)

    def test_requests_are_counted_by_template(self):
        uuid = self.add_pod_manager()["uuid"]
        self.get(f"/v1/pod_managers/{uuid}")
        self.get(f"/v1/pod_managers/{case.UUID}")
        labels = 'method="GET",route="/v1/pod_managers/<uuid>"'
        self.assertEqual("1.0", self.figure(f'valence_api_requests_total{{{labels},status="200"}}'))
        self.assertEqual("1.0", self.figure(f'valence_api_requests_total{{{labels},status="404"}}'))
        self.assertEqual("2.0", self.figure(f"valence_api_request_seconds_count{{{labels}}}"))

    def test_what_clients_invent_makes_no_labels(self):
        for number in range(3):
            self.request(f"METHOD{number}", f"/nowhere/{number}")
        self.assertEqual(
            "3.0", self.figure('valence_api_requests_total{method="other",route="none",status="404"}')
        )

    def test_streams(self):
        self.assertEqual("0.0", self.figure("valence_api_event_streams"))
