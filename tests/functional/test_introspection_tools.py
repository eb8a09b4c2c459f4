# SPDX-License-Identifier: Apache-2.0
"""openstacksdk, the command line and ironic-python-agent, unchanged, where they expect ironic-inspector."""

import json

import openstack
import requests
from openstack import exceptions

from tests import base
from tests import inspection
from tests import live
from tests import ramdisk

RULE = {
    "conditions": [{"op": "ge", "field": "cpus", "value": 1}],
    "actions": [{"action": "set-capability", "name": "seen", "value": "yes"}],
}


class ToolsCase(base.TestCase):
    time_limit = 300
    options = {"api__introspection_port": 0}

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site(**self.options))
        self.site.register()
        self.wait_for(lambda: len(self.site.systems()) == 2, timeout=30)
        self.system = self.site.systems()[0]
        self.uuid, self.url = self.system["uuid"], self.site.introspection

    def document(self, size="small"):
        return ramdisk.document(size, self.site.mac(self.system))

    def status(self):
        path = f"/introspection/v1/introspection/{self.uuid}"
        return self.site.client.get(path)

    def wait_for_ramdisk(self):
        self.wait_for(lambda: self.status()["state"] == "waiting", message=self.status)


class SDKTest(ToolsCase):
    def setUp(self):
        super().setUp()
        connection = openstack.connect(auth_type="none", endpoint=self.url)
        self.addCleanup(connection.close)
        self.service = connection.baremetal_introspection

    def test_an_introspection(self):
        started = self.service.start_introspection(self.uuid, manage_boot=False)
        self.wait_for_ramdisk()
        document = self.document("medium")
        self.assertEqual(200, ramdisk.post(self.url, document).status_code)
        ended = self.service.wait_for_introspection(started, timeout=30)
        self.assertEqual(("finished", True, None), (ended.state, ended.is_finished, ended.error))
        self.assertEqual(document, self.service.get_introspection_data(self.uuid, processed=False))
        data = self.service.get_introspection_data(self.uuid)
        self.assertEqual(document["inventory"], data["inventory"])
        self.assertEqual([self.uuid], [each.id for each in self.service.introspections()])

    def test_an_end_before_its_time(self):
        self.service.start_introspection(self.uuid, manage_boot=False)
        self.service.abort_introspection(self.uuid)
        self.assertRaises(exceptions.ResourceFailure, self.service.wait_for_introspection, self.uuid)
        found = self.service.wait_for_introspection(self.uuid, ignore_error=True)
        self.assertEqual("Canceled by operator", found.error)

    def test_what_is_not_there(self):
        for call in (self.service.get_introspection, self.service.get_introspection_data):
            self.assertRaises(exceptions.NotFoundException, call, "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11")

    def test_rules(self):
        uuid = "b0ea6361-03cd-467c-859c-7230547dcb9a"
        rule = self.service.create_introspection_rule(uuid=uuid, **RULE)
        self.assertEqual((uuid, RULE["actions"]), (rule.id, rule.actions))
        self.assertEqual([uuid], [each.id for each in self.service.introspection_rules()])
        self.assertEqual("ge", self.service.get_introspection_rule(uuid).conditions[0]["op"])
        self.service.delete_introspection_rule(uuid)
        self.assertEqual([], list(self.service.introspection_rules()))


class CommandLineTest(ToolsCase):
    # The command line boots machines and does not show the header with the token.
    options = ToolsCase.options | {"processing__require_token": "never"}

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()

    def run_command(self, *arguments, **keywords):
        return inspection.openstack(self.url, self.folder, *arguments, **keywords)

    def show(self, *arguments):
        return inspection.openstack_json(self.url, self.folder, *arguments)

    def test_an_introspection(self):
        # The command boots the machine; the simulated one has nothing to boot.
        self.run_command("start", self.uuid)
        self.wait_for_ramdisk()
        document = self.document("medium")
        self.assertEqual({"uuid": self.uuid}, inspection.agent(self.url, document))
        self.assertEqual(("finished", True, None), self.state())
        self.assertEqual([self.uuid], [row["UUID"] for row in self.show("list")])
        self.assertEqual(document, json.loads(self.run_command("data", "save", self.uuid, "--unprocessed")))
        self.run_command("data", "save", self.uuid, "--file", "data.json")
        data = json.loads((self.folder / "data.json").read_text())
        self.assertEqual(document["inventory"], data["inventory"])
        names = sorted(row["Interface"] for row in self.show("interface", "list", self.uuid))
        self.assertEqual(sorted(data["all_interfaces"]), names)
        shown = self.show("interface", "show", self.uuid, names[0])
        self.assertEqual(data["all_interfaces"][names[0]]["mac"], shown["mac"])
        self.run_command("reprocess", self.uuid)
        self.assertEqual("finished", self.state()[0])

    def state(self):
        shown = self.show("status", self.uuid)
        return shown["state"], shown["finished"], shown["error"]

    def test_an_end_before_its_time(self):
        self.run_command("start", self.uuid)
        self.run_command("abort", self.uuid)
        self.assertEqual(("error", True, "Canceled by operator"), self.state())
        self.run_command("status", "nobody", expected=1)

    def test_rules(self):
        (self.folder / "rules.json").write_text(json.dumps([RULE, RULE | {"description": "second"}]))
        imported = self.show("rule", "import", "rules.json")
        self.assertEqual(["", "second"], [row["Description"] or "" for row in imported])
        listed = self.show("rule", "list")
        self.assertEqual([row["UUID"] for row in imported], [row["UUID"] for row in listed])
        shown = self.show("rule", "show", listed[1]["UUID"])
        self.assertEqual(("second", RULE["actions"]), (shown["description"], shown["actions"]))
        self.run_command("rule", "delete", listed[0]["UUID"])
        self.run_command("rule", "purge")
        self.assertEqual([], self.show("rule", "list"))


class AgentTest(ToolsCase):
    def start(self):
        self.site.client.request("POST", f"/introspection/v1/introspection/{self.uuid}?manage_boot=0")
        self.wait_for_ramdisk()

    def test_a_large_document(self):
        self.start()
        self.assertEqual({"uuid": self.uuid}, inspection.agent(self.url, self.document("large")))
        self.assertEqual("finished", self.status()["state"])

    def test_failures_that_it_collected(self):
        self.start()
        refused = inspection.agent(self.url, self.document(), "no disk at all")["refused"]
        self.assertIn("error 400", refused)
        self.assertIn("no disk at all", self.status()["error"])

    def test_a_machine_that_valence_boots(self):
        started = requests.post(f"{self.url}/v1/introspection/{self.uuid}", timeout=60)
        self.wait_for_ramdisk()
        self.assertIn("error 403", inspection.agent(self.url, self.document())["refused"])
        self.assertEqual("waiting", self.status()["state"])
        token = started.headers["X-Valence-Introspection-Token"]
        self.assertEqual({"uuid": self.uuid}, inspection.agent(self.url, self.document(), token=token))
        self.assertEqual("finished", self.status()["state"])

    def test_a_machine_that_nobody_waits_for(self):
        self.assertIn("error 400", inspection.agent(self.url, self.document())["refused"])
