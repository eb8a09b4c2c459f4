# SPDX-License-Identifier: Apache-2.0
"""What Ironic gets to know of a node."""

from tests import base
from valence.conductor.nodes.ironic import enrollment
from valence.db import models

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
PATH = "/redfish/v1/Systems/1"
INSPECTED = {
    "inventory": {
        "cpu": {"count": 8, "architecture": "x86_64"},
        "memory": {"physical_mb": 32768},
        "interfaces": [{"mac_address": "52:54:00:AA:00:01"}, {"mac_address": None}],
    },
    "root_disk": {"size": 500 * 1024**3 + 5},
}


class MachineTest(base.TestCase):
    def test_properties_are_those_of_ironic(self):
        seen = enrollment.machine(PATH, INSPECTED)
        properties = {"cpus": 8, "cpu_arch": "x86_64", "memory_mb": 32768, "local_gb": 500}
        self.assertEqual((PATH, ["52:54:00:aa:00:01"], properties), seen)

    def test_what_is_not_known_is_left_out(self):
        for inspected in ({}, {"inventory": {"cpu": {"count": None}}, "root_disk": None}):
            self.assertEqual((PATH, [], {}), enrollment.machine(PATH, inspected))

    def test_what_is_no_mac_address_makes_no_port(self):
        told = [
            "N/A",
            "aa:bb&fields=uuid",
            "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:2f:37:31",
            "\n",
        ]
        self.assertEqual(["52:54:00:aa:00:01"], enrollment.addresses([*told, "52:54:00:aa:00:01"]))
        many = [f"52:54:00:00:{number // 256:02x}:{number % 256:02x}" for number in range(1000)]
        self.assertEqual(many[: enrollment.MOST_ADDRESSES], enrollment.addresses(many))

    def test_addresses_come_once_and_in_the_form_of_ironic(self):
        given = ["52-54-00-AA-00-01", None, "52:54:00:aa:00:01", "52:54:00:aa:00:02"]
        self.assertEqual(["52:54:00:aa:00:01", "52:54:00:aa:00:02"], enrollment.addresses(given))


class NodeTest(base.TestCase):
    def document(self, request=None, **access):
        """Return what Ironic gets for a request and the access to a pod manager."""
        row = models.Node(uuid=UUID, name="web-3", project_id="p1", podm_id=UUID, resource_url=PATH)
        pod_manager = models.PodManager(
            **({"name": "pod", "url": "https://10.0.0.7/redfish/v1", "username": "admin"} | access)
        )
        pod_manager.password = "secret"
        seen = enrollment.machine(PATH, INSPECTED)
        return enrollment.node(row, pod_manager, seen, request or {}, resource_class="baremetal")

    def test_an_empty_request_is_enough(self):
        expected = {
            "uuid": UUID,
            "driver": "redfish",
            "driver_info": {
                "redfish_address": "https://10.0.0.7",
                "redfish_system_id": PATH,
                "redfish_verify_ca": True,
                "redfish_username": "admin",
                "redfish_password": "secret",
            },
            "properties": {"cpus": 8, "cpu_arch": "x86_64", "memory_mb": 32768, "local_gb": 500},
            "resource_class": "baremetal",
            "extra": {
                "valence": {"name": "web-3", "project_id": "p1", "podm_id": UUID, "resource_url": PATH}
            },
        }
        self.assertEqual(expected, self.document())

    def test_a_request_replaces_members_and_adds_fields(self):
        request = {
            "driver_info": {"redfish_username": "ironic", "redfish_password": None, "deploy_kernel": "k"},
            "properties": {"capabilities": "boot_mode:uefi", "cpus": 2},
            "extra": {"valence": 1},
            "resource_class": "gpu",
            "owner": "o",
            "name": None,
            "mac": ["52:54:00:aa:00:09"],
        }
        made = self.document(request)
        self.assertEqual(
            ("ironic", "k"), (made["driver_info"]["redfish_username"], made["driver_info"]["deploy_kernel"])
        )
        self.assertNotIn("redfish_password", made["driver_info"])
        self.assertEqual(
            (2, "boot_mode:uefi", 500),
            tuple(made["properties"][name] for name in ("cpus", "capabilities", "local_gb")),
        )
        self.assertEqual(({"valence": 1}, "gpu", "o"), (made["extra"], made["resource_class"], made["owner"]))
        self.assertTrue(made.keys().isdisjoint(("mac", "name")))

    def test_only_hardware_types_that_speak_redfish_get_the_credentials(self):
        self.assertIn("redfish_password", self.document({"driver": "idrac"})["driver_info"])
        info = {"ipmi_address": "10.0.0.9"}
        self.assertEqual(info, self.document({"driver": "ipmi", "driver_info": info})["driver_info"])
        self.assertEqual({}, self.document(driver="other")["driver_info"])

    def test_the_access_to_the_pod_manager_is_told_as_ironic_wants_it(self):
        info = self.document(url="http://[::1]:8000/a/redfish/v1/", verify_ca="/ca.pem", username="")[
            "driver_info"
        ]
        told = {"redfish_address": "http://[::1]:8000/a/redfish/v1", "redfish_verify_ca": "/ca.pem"}
        self.assertEqual(told | {"redfish_system_id": PATH}, info)
        info = self.document(url="http://10.0.0.7", verify_ca="false")["driver_info"]
        self.assertEqual(("http://10.0.0.7", False), (info["redfish_address"], info["redfish_verify_ca"]))
