# SPDX-License-Identifier: Apache-2.0
"""What the commands for introspections send and show."""

from tests import base
from tests.unit.client import console
from tests.unit.client import server

AT = "/introspection/v1/introspection"
ROW = {"uuid": "1", "state": "waiting", "error": None, "finished": False, "links": []}


class IntrospectionTest(base.TestCase):
    def run_command(self, answers, *argv):
        self.console = self.useFixture(console.Console(*answers))
        return self.console.run("introspection", *argv)

    def paths(self):
        return self.console.server.paths()

    def test_a_list_has_the_usual_columns_or_all(self):
        pages = [{"introspection": [ROW]}, {"introspection": []}]
        printed = self.run_command(pages, "list", "-f", "json", "--state", "waiting")
        expected = {"uuid": "1", "state": "waiting", "error": None, "started_at": None, "finished_at": None}
        self.assertEqual([expected], printed.json)
        self.assertEqual(f"GET {AT}?state=waiting", self.paths()[0])
        printed = self.run_command(pages, "list", "-f", "json", "--long")
        self.assertEqual([expected | {"finished": False}], printed.json)
        printed = self.run_command(pages, "list", "-f", "value", "-c", "finished")
        self.assertEqual("False\n", printed.out)

    def test_a_list_has_no_unknown_column(self):
        printed = self.run_command([{"introspection": [ROW]}, {"introspection": []}], "list", "-c", "bogus")
        self.assertEqual((1, ""), (printed.code, printed.out))
        self.assertIn("There is no column bogus. There are: uuid, state", printed.err)

    def test_a_start_shows_the_token(self):
        started = (202, {}, {"X-Valence-Introspection-Token": "t"})
        printed = self.run_command([started, ROW], "start", "System 1", "-f", "json")
        self.assertEqual(("t", "waiting"), (printed.json["token"], printed.json["state"]))
        self.assertEqual(f"POST {AT}/System%201?manage_boot=true&source=ramdisk", self.paths()[0])

    def test_a_start_that_boots_nothing(self):
        self.run_command([(202, {}, {}), ROW], "start", "1", "--no-manage-boot")
        self.assertEqual(f"POST {AT}/1?manage_boot=false&source=ramdisk", self.paths()[0])

    def test_a_failure_that_is_waited_for(self):
        ended = ROW | {"state": "error", "error": "It is off."}
        argv = ("start", "1", "--source", "redfish", "--wait")
        printed = self.run_command([(202, {}, {}), ROW, ROW, ended], *argv)
        text = "The introspection of 1 failed: It is off. Correct the cause, then start the introspection again.\n"
        self.assertEqual((1, "", text), printed)

    def test_the_token_is_shown_before_the_wait(self):
        started = (202, {}, {"X-Valence-Introspection-Token": "t"})
        printed = self.run_command([started, ROW, ROW | {"state": "finished"}], "start", "1", "--wait")
        self.assertEqual((0, "token: t\n"), (printed.code, printed.err))
        printed = self.run_command([started, server.problem(404)], "start", "1", "--wait")
        self.assertEqual((1, "token: t"), (printed.code, printed.err.splitlines()[0]))

    def test_the_document_is_shown_as_it_is(self):
        document = {"cpus": 2, "all_interfaces": {"eth0": {"ip": None}}}
        printed = self.run_command([document], "data", "1", "--document-version", "3", "-f", "json")
        self.assertEqual(document, printed.json)
        self.assertEqual([f"GET {AT}/1/data?version=3"], self.paths())

    def test_an_abort_prints_nothing(self):
        self.assertEqual((0, "", ""), self.run_command([(202, {}, {})], "abort", "1"))
        self.assertEqual([f"POST {AT}/1/abort"], self.paths())
