# SPDX-License-Identifier: Apache-2.0
"""The command ``doctor``: what it checks, its exit codes, and the archive."""

import importlib
import sys
import tarfile
import time

import fixtures

from tests import base
from tests.unit.client import console
from tests.unit.client import server
from tests.unit.client import test_shell
from valence.db import models
from valence.db import types

READY = {"status": "ready", "version": "2.0", "conductor": "c", "checks": {}}
#: what cannot be imported where the packages of the server are not installed
MISSING = "valence.cmd.doctor.host"
HERE = ("--endpoint", "http://127.0.0.1:8181", "doctor", "-f", "json")


def answers(**pod_manager):
    """Return the answers of a site with one conductor and one pod manager."""
    row = models.Conductor(hostname="conductor-1", version="2.0", conductor_groups=["default"])
    conductor = row.replace(heartbeat_at=types.moment(time.time())).public()
    pod = models.PodManager(name="row-7", url="https://10.0.0.7/redfish/v1", **pod_manager).public()
    pages = server.page("conductors", conductor), server.page("pod_managers", pod)
    return [READY, *pages, server.page("operations"), server.page("nodes")]


class DoctorTest(base.TestCase):
    def run_command(self, given, *argv):
        """Run the command on an API at a loopback address."""
        shell = self.useFixture(console.Console(*given))
        api = shell.server.client("http://127.0.0.1:8181")
        self.useFixture(fixtures.MonkeyPatch("valence.client.session.connect", lambda options: api))
        return shell.run(*argv)

    def test_exit_codes(self):
        for code, values, expected in (
            (0, {}, []),
            (0, {"maintenance": True}, ["note"]),
            (1, {"verify_ca": "false"}, ["warning"]),
            (2, {"status": "offline"}, ["error"]),
        ):
            printed = self.run_command(answers(**values), *HERE)
            self.assertEqual((code, ""), (printed.code, printed.err))
            self.assertEqual(expected, [each["severity"] for each in printed.json])

    def test_a_finding_has_its_reason_and_its_command(self):
        printed = self.run_command(answers(status="offline", last_error="Connection refused."), *HERE)
        expected = {
            "severity": "error",
            "check": "pod_managers.offline",
            "found": "The pod manager row-7 is offline.",
            "reason": "Connection refused.",
            "command": "valence pod manager sync row-7 --wait",
        }
        self.assertEqual([expected], printed.json)

    def test_a_host_without_the_packages_of_the_server(self):
        """Neither the API nor other commands need them."""
        self.addCleanup(sys.modules.update, {MISSING: importlib.import_module(MISSING)})
        sys.modules[MISSING] = None
        printed = self.run_command(answers(), *HERE, "--config-file", "/etc/valence/valence.conf")
        self.assertEqual(["host.packages"], [each["check"] for each in printed.json])
        self.assertEqual("pip install 'valence[server]'", printed.json[0]["command"])
        self.assertEqual(0, printed.code)

    def test_the_archive(self):
        file = self.make_folder() / "report.tar.gz"
        more = [server.page("operations"), server.page("events", {"uuid": "1", "text": "planted-secret"})]
        self.useFixture(fixtures.EnvironmentVariable("OS_PASSWORD", "planted-secret"))
        printed = self.run_command([*answers(), *more], *HERE, "--bundle", str(file))
        self.assertEqual(0, printed.code, printed)
        with tarfile.open(file) as archive:
            text = archive.extractfile("valence-doctor/events.json").read().decode()
        self.assertIn('"text": "***"', text)
        printed = self.run_command([*answers(), *more], *HERE, "--bundle", str(file))
        self.assertEqual(2, printed.code)
        self.assertIn(f"The archive {file} cannot be written: File exists. Choose another file.", printed.err)

    def test_an_api_is_checked_without_the_server(self):
        used = test_shell.imported("--endpoint", "http://127.0.0.1:9", "doctor")
        mine = {name.split(".")[1] for name in used if name.startswith("valence.")}
        self.assertEqual({"client", "db", "version"}, mine)

    def test_without_a_session_the_findings_are_kept(self):
        """A cloud that clouds.yaml does not have, say, is an error of openstacksdk."""

        def refuse(options):
            raise LookupError("Cloud nosuch at http://u:planted@127.0.0.1 was not found.")

        shell = self.useFixture(console.Console())
        self.useFixture(fixtures.MonkeyPatch("valence.client.session.connect", refuse))
        file = self.make_folder() / "valence.conf"
        file.write_text("[sync]\nintervall = 5\n")
        printed = shell.run("--os-cloud", "nosuch", "doctor", "-f", "json", "--config-file", str(file))
        self.assertEqual((2, ""), (printed.code, printed.err))
        found = {each["check"]: each["reason"] for each in printed.json}
        self.assertLessEqual({"config.option", "api.credentials"}, found.keys())
        self.assertEqual("Cloud nosuch at http://***@127.0.0.1 was not found.", found["api.credentials"])

    def test_this_host_is_checked_where_it_has_a_configuration(self):
        file = self.make_folder() / "valence.conf"
        file.write_text("[sync]\nintervall = 5\n")
        self.useFixture(fixtures.MonkeyPatch("oslo_config.cfg.find_config_files", lambda *_: [str(file)]))
        shell = self.useFixture(console.Console())
        found = {each["check"] for each in shell.run("doctor", "-f", "json").json}
        self.assertIn("config.option", found)
        self.assertNotIn("api.unreachable", found)
