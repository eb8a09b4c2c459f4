# SPDX-License-Identifier: Apache-2.0
"""Booting a system from the network, by sushy over Valence's connection."""

from tests.unit.podmanagers import case
from valence.common import errors

SYSTEM = "/redfish/v1/Systems/1"
NODE = "/redfish/v1/Nodes/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
ONCE = {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}


class BootTest(case.RedfishTestCase):
    def boot(self, url=SYSTEM, answers=None, others=None, **values):
        """Boot a system with these values; return what was sent to change something as (request, body)."""
        documents = {NODE: {"Links": {"ComputerSystem": {"@odata.id": SYSTEM}}}, SYSTEM: values}
        self.service = self.serve(documents | (others or {}))
        self.sent = []
        for place in (f"PATCH {SYSTEM}", f"PATCH {SYSTEM}/Settings", f"POST {RESET}", "POST /reset"):
            self.service.answers[place] = self.take
        self.service.answers |= answers or {}
        self.connect(self.service.url).boot_from_network(url)
        return self.sent

    def take(self, handler, status=204):
        self.sent.append((f"{handler.command} {handler.path}", handler.body))
        handler.answer(status, b"")

    def test_a_running_system_is_restarted(self):
        wanted = [(f"PATCH {SYSTEM}", {"Boot": ONCE}), (f"POST {RESET}", {"ResetType": "ForceRestart"})]
        self.assertEqual(wanted, self.boot(PowerState="On"))
        self.assertEqual(wanted, self.boot(NODE, PowerState="On"))

    def test_a_system_that_is_off_is_started(self):
        self.assertEqual({"ResetType": "On"}, self.boot(PowerState="Off")[1][1])

    def test_what_a_service_offers_is_taken(self):
        action = {"target": "/reset", "ResetType@Redfish.AllowableValues": ["On", "PowerCycle"]}
        patch, reset = self.boot(
            Boot={"BootSourceOverrideTarget@Redfish.AllowableValues": ["Hdd", "UefiHttp"]},
            Actions={"#ComputerSystem.Reset": action},
        )
        self.assertEqual("UefiHttp", patch[1]["Boot"]["BootSourceOverrideTarget"])
        self.assertEqual(("POST /reset", {"ResetType": "PowerCycle"}), reset)

    def test_values_that_are_told_elsewhere_are_read(self):
        info = {
            "Id": "1",
            "Name": "1",
            "Parameters": [{"Name": "ResetType", "AllowableValues": ["PowerCycle"]}],
        }
        action = {"target": RESET, "@Redfish.ActionInfo": f"{SYSTEM}/ResetInfo"}
        sent = self.boot(
            others={f"{SYSTEM}/ResetInfo": info}, PowerState="On", Actions={"#ComputerSystem.Reset": action}
        )
        self.assertEqual({"ResetType": "PowerCycle"}, sent[1][1])

    def test_a_settings_resource_is_changed_where_there_is_one(self):
        settings = {"SettingsObject": {"@odata.id": f"{SYSTEM}/Settings"}}
        boot = {"BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled"}
        others = {f"{SYSTEM}/Settings": {"Boot": boot}}
        sent = self.boot(others=others, PowerState="On", **{"@Redfish.Settings": settings})
        self.assertEqual((f"PATCH {SYSTEM}/Settings", {"Boot": ONCE}), sent[0])

    def test_an_etag_that_is_refused_is_left_out(self):
        def patched(handler):
            self.take(handler, 412 if "If-Match" in handler.headers else 204)

        answers = {
            f"GET {SYSTEM}": lambda handler: handler.answer(200, {"PowerState": "On"}, ETag='"1"'),
            f"PATCH {SYSTEM}": patched,
        }
        sent = self.boot(answers=answers)
        self.assertEqual([f"PATCH {SYSTEM}"] * 2 + [f"POST {RESET}"], [request for request, _ in sent])

    def test_a_system_that_is_told_in_an_odd_way(self):
        for odd in (5, "text", [], None, [{}], {"#ComputerSystem.Reset": 5}):
            sent = self.boot(
                PowerState=odd, Boot=odd, Actions=odd, Id=odd, Status=odd, **{"@Redfish.Settings": odd}
            )
            self.assertEqual({"ResetType": "ForceRestart"}, sent[1][1], odd)

    def test_what_is_not_offered_is_told(self):
        action = {"target": RESET, "ResetType@Redfish.AllowableValues": ["Nmi"]}
        error = self.assertRaises(
            errors.PodManagerError, self.boot, PowerState="On", Actions={"#ComputerSystem.Reset": action}
        )
        self.assertIn("no way to start or restart, but Nmi", error.detail)

    def test_another_service_is_asked_for_nothing(self):
        other = self.serve({})
        action = {"target": f"{other.url}/reset"}
        self.assertRaises(errors.PodManagerError, self.boot, Actions={"#ComputerSystem.Reset": action})
        self.assertEqual([], other.requests)

    def test_a_refusal_is_told(self):
        refused = {f"PATCH {SYSTEM}": lambda handler: handler.answer(400, {"error": {"message": "not now"}})}
        error = self.assertRaises(errors.PodManagerError, self.boot, answers=refused, PowerState="On")
        self.assertIn("not now", error.detail)
