# SPDX-License-Identifier: Apache-2.0
"""What a Valence has is written so that it can be applied again."""

from tests import base
from tests.unit.client import server
from tests.unit.client.desired_state import test_plan as samples
from valence.client.desired_state import document
from valence.client.desired_state import export
from valence.client.desired_state import plan

FLAVOR = samples.FLAVOR | {"description": "", "revision": 1}
NODE = samples.NODE | {"kind": "composed"}


class WriteTest(base.TestCase):
    def write(self, *answers, **options):
        return export.write(server.Server(*answers).client(), **options)

    def entries(self, *answers, **options):
        return [dict(each.values) for each in document.read(self.write(*answers, **options).text)]

    def test_what_is_exported_differs_in_nothing(self):
        quota = {"project_id": "demo", "limits": {"nodes": 10}, "used": {"nodes": 3}}
        rows = {"pod_managers": samples.POD_MANAGER, "flavors": FLAVOR, "quotas": quota, "nodes": NODE}
        pages = {name: server.page(name, row) for name, row in rows.items()}
        names = server.page("flavors", {"uuid": samples.UUID, "name": "large"})
        exported = self.write(*pages.values(), names)
        self.assertEqual([], exported.omissions)
        self.assertEqual(1, exported.text.count("password:"), "in the comment alone")
        self.assertIn("- project_id: demo\n  limits:\n    nodes: 10\n", exported.text)
        api = server.Server(*(pages | {"quotas": quota}).values(), names, FLAVOR)
        self.assertEqual([], plan.make(api.client(), document.read(exported.text)))
        self.assertEqual([], api.answers)

    def test_defaults_are_left_out(self):
        (entry,) = self.entries(server.page("pod_managers", samples.POD_MANAGER), names=["pod_managers"])
        self.assertEqual(["name", "url", "username"], list(entry))

    def test_what_selects_the_machine_of_a_node(self):
        gone, system = NODE | {"flavor_id": samples.OTHER}, NODE | {"flavor_id": None, "kind": "system"}
        for row, expected in (
            (
                gone | {"requirements": {"memory": {"capacity_mib": 7}}},
                {"properties": {"memory": {"capacity_mib": 7}}},
            ),
            (system | {"resource_id": samples.OTHER}, {"system": samples.OTHER}),
        ):
            (entry,) = self.entries(
                server.page("nodes", row), server.page("flavors", FLAVOR), names=["nodes"]
            )
            self.assertEqual({"name": "web-1"} | expected, entry)

    def test_a_node_without_requirements_has_its_devices(self):
        node, none = server.page("nodes", NODE | {"flavor_id": None}), server.page("flavors")
        devices = {
            "devices": [{"id": "8", "device_id": samples.UUID}, {"id": "7", "device_id": samples.OTHER}]
        }
        (entry,) = self.entries(node, none, devices, names=["nodes"])
        self.assertEqual({"name": "web-1", "devices": [samples.UUID, samples.OTHER]}, entry)

    def test_a_node_whose_machine_nothing_selects_is_reported(self):
        node = NODE | {"flavor_id": None}
        for row, answers in ((node, [{"devices": []}]), (node | {"kind": "system"}, [])):
            exported = self.write(
                server.page("nodes", row), server.page("flavors"), *answers, names=["nodes"]
            )
            self.assertEqual([], document.read(exported.text))
            (omission,) = exported.omissions
            self.assertIn("node web-1", omission)

    def test_what_cannot_be_found_again_is_left_out(self):
        twins = server.page(
            "nodes", NODE, NODE | {"uuid": samples.OTHER}, NODE | {"goal": "absent", "name": "b"}
        )
        exported = self.write(twins, names=["nodes"])
        self.assertEqual([], document.read(exported.text))
        self.assertEqual(1, len(exported.omissions))
        self.assertIn("2 nodes have the name web-1", exported.omissions[0])
