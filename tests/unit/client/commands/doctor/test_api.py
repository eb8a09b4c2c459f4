# SPDX-License-Identifier: Apache-2.0
"""The doctor through the API: readiness, clock, credentials, and what the API lists."""

import email.utils
import time

import requests
from keystoneauth1 import exceptions

from tests import base
from tests.unit.client import server
from valence.client.commands.doctor import api
from valence.client.commands.doctor import report as reports
from valence.db import models
from valence.db import types

CHECK = {"ready": True, "reason": None, "since": None}
READY = {
    "status": "ready",
    "version": "2.0",
    "conductor": "c",
    "checks": {"bus": CHECK, "store": CHECK},
}
AWAY = {"ready": False, "reason": "Connection refused.", "since": "2030-01-01T00:00:00Z"}


def conductor(seconds=0):
    """Return a conductor whose heartbeat is now, or as many seconds later."""
    row = models.Conductor(hostname="conductor-1", version="2.0", conductor_groups=["default"])
    return row.replace(heartbeat_at=types.moment(time.time() + seconds)).public()


def rows(*conductors):
    """Return the answers that list what a site has."""
    return [
        server.page("conductors", *conductors),
        *map(server.page, ("pod_managers", "operations", "nodes")),
    ]


def dated(seconds=0):
    """Return the answer of an API whose clock differs."""
    return 200, READY, {"Date": email.utils.formatdate(time.time() + seconds, usegmt=True)}


NOT_READY = 503, READY | {"status": "not ready", "checks": {"bus": AWAY}}, {"Retry-After": "2"}
#: (check that finds it, what returns the answers of the API)
FAULTS = (
    ("api.unreachable", lambda: [requests.ConnectionError("refused")]),
    ("api.certificate", lambda: [requests.exceptions.SSLError("certificate verify failed")]),
    ("api.not_ready", lambda: [NOT_READY, *[server.problem(503, "valence.bus_unavailable")] * 4]),
    ("api.not_ready", lambda: [(503, {"status": "not ready"}, {}), *[server.problem(503)] * 4]),
    ("api.credentials", lambda: [READY, server.problem(401)]),
    ("api.credentials", lambda: [READY, server.problem(403)]),
    ("api.failed", lambda: [READY, server.problem(500)]),
    ("api.failed", lambda: [(200, b"<html>", {})]),
    ("api.failed", lambda: [{"status": "UP", "checks": []}]),
    ("api.failed", lambda: [{"status": "ready", "checks": []}]),
    ("api.failed", lambda: [{"status": "ready", "checks": {"bus": {"ready": False}}}]),
    ("api.failed", lambda: [["ready"]]),
    ("api.failed", lambda: [READY, ["conductor-1"]]),
    ("api.failed", lambda: [READY, (200, b"<html>", {})]),
    ("api.credentials", lambda: [READY, exceptions.Unauthorized()]),
    ("api.failed", lambda: [READY, *rows({"hostname": "conductor-1"})]),
    ("api.clock", lambda: [dated(600), *rows(conductor(600))]),
    ("api.plain", lambda: [dated(), *rows(conductor())]),
    ("conductors.none", lambda: [READY, *rows()]),
)


class APITest(base.TestCase):
    def found(self, answers, url="http://127.0.0.1:8181", **keywords):
        """Return the report about an API."""
        self.server, self.report = server.Server(*answers), reports.Report()
        api.examine(self.report, self.server.client(url), **keywords)
        return [each.check for each in self.report.findings]

    def test_each_fault_is_found_and_nothing_else(self):
        for check, answers in FAULTS:
            url = "http://valence.test:8181" if check == "api.plain" else "http://127.0.0.1:8181"
            self.assertEqual([check], self.found(answers(), url), check)
            self.assertNotIn("{", self.report.findings[0].command)

    def test_a_healthy_api(self):
        self.assertEqual([], self.found([dated(), *rows(conductor())]))
        self.assertEqual(0, self.report.exit_code)
        self.assertEqual(["the API at http://127.0.0.1:8181"], self.report.checked)
        self.assertEqual("GET /readyz", self.server.paths()[0])
        self.assertEqual("GET /v1/conductors", self.server.paths()[1])

    def test_documents_of_an_archive(self):
        more = [server.page("operations", {"uuid": "1"}), server.page("events", {"uuid": "2"})]
        self.found([dated(), *rows(conductor()), *more], recent=True)
        self.assertEqual([{"uuid": "2"}], self.report.documents["events.json"])
        self.assertEqual("conductor-1", self.report.documents["conductors.json"][0]["hostname"])
        self.assertEqual(READY, self.report.documents["readyz.json"])

    def test_an_answer_without_a_clock(self):
        self.assertEqual([], self.found([READY, *rows(conductor())]))

    def test_a_catalogue_without_the_service(self):
        client, report = server.Server().client("http://127.0.0.1:8181"), reports.Report()
        client.endpoint_override = None
        client.get_endpoint = lambda: None
        api.examine(report, client)
        (finding,) = report.findings
        self.assertEqual("The catalogue has no endpoint of the service rack.", finding.found)
        client.get_endpoint = refuse
        api.examine(report, client)
        self.assertIn("api.credentials", [each.check for each in report.findings])

    def test_an_endpoint_that_is_no_url(self):
        self.assertEqual(["api.failed"], self.found([], "http://["))
        self.assertEqual("http://[ is no URL: Invalid IPv6 URL.", self.report.findings[0].found)
        self.assertEqual(2, self.report.exit_code)

    def test_nodes_of_all_projects_are_checked(self):
        node = models.Node(uuid="1", name="web-3", state="error", project_id="other").public()
        pages = [*rows(conductor())[:-1], server.page("nodes", node)]
        self.assertEqual(["nodes.error"], self.found([dated(), *pages]))
        self.assertIn("all_projects=true", self.server.paths()[-1])

    def test_a_password_in_the_url_is_not_shown(self):
        url = "http://u:planted@127.0.0.1:8181"
        cases = (requests.ConnectionError("refused"), requests.exceptions.SSLError("refused"), NOT_READY)
        for answer in (*cases, (200, b"<html>", {})):
            self.found([answer, *[server.problem(503)] * 4], url)
            shown = [*self.report.checked, *map(str, self.report.findings)]
            self.assertIn("127.0.0.1:8181", shown[1])
            self.assertNotIn("planted", " ".join(shown))

    def test_keystone_is_away(self):
        request = requests.Request("POST", "http://keystone.test:5000/v3/auth/tokens").prepare()

        def fail():
            raise exceptions.ConnectFailure("HTTPConnectionPool") from requests.ConnectionError(
                "refused", request=request
            )

        client, report = server.Server().client("http://127.0.0.1:8181"), reports.Report()
        client.endpoint_override, client.get_endpoint = None, fail
        api.examine(report, client)
        (finding,) = report.findings
        self.assertEqual("api.unreachable", finding.check)
        self.assertEqual("http://keystone.test:5000 cannot be reached: refused.", finding.found)
        self.assertIn("auth_url", finding.reason)


def refuse():
    """Refuse the credentials, as Keystone does."""
    raise exceptions.Unauthorized
