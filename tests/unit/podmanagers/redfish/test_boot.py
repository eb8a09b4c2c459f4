# SPDX-License-Identifier: Apache-2.0
"""What a system boots from, by sushy over Valence's connection."""

from tests import embedded
from tests.unit.podmanagers import case
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base

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

    def test_values_that_cannot_be_read_are_assumed(self):
        action = {"target": RESET, "@Redfish.ActionInfo": f"{SYSTEM}/ResetInfo"}
        odd = ({"Parameters": 5}, {"Parameters": [5, {"Name": "ResetType", "AllowableValues": 5}]}, {})
        for others in ({}, *({f"{SYSTEM}/ResetInfo": each | {"Id": "1", "Name": "1"}} for each in odd)):
            sent = self.boot(others=others, PowerState="On", Actions={"#ComputerSystem.Reset": action})
            self.assertEqual({"ResetType": "ForceRestart"}, sent[1][1])

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
        self.assertIn("no way to start or restart, but nmi", error.detail)

    def test_another_service_is_asked_for_nothing(self):
        other = self.serve({})
        action = {"target": f"{other.url}/reset"}
        self.assertRaises(errors.PodManagerError, self.boot, Actions={"#ComputerSystem.Reset": action})
        self.assertEqual([], other.requests)

    def test_a_refusal_is_told(self):
        refused = {f"PATCH {SYSTEM}": lambda handler: handler.answer(400, {"error": {"message": "not now"}})}
        error = self.assertRaises(errors.PodManagerError, self.boot, answers=refused, PowerState="On")
        self.assertIn("not now", error.detail)


class ChooseTest(case.RedfishTestCase):
    def choose(self, status=204, document=b"", others=None, headers=None, **values):
        """Return the Outcome of a choice, (target, enabled, mode), at a service whose PATCH answers in this way."""
        target, enabled, mode = values.pop("choice", ("pxe", "once", None))
        self.service = self.serve({SYSTEM: values} | (others or {}))
        self.sent = []

        def answer(handler):
            self.sent.append((handler.path, handler.body["Boot"]))
            handler.answer(status, document, **(headers or {}))

        for path in (SYSTEM, f"{SYSTEM}/Settings"):
            self.service.answers[f"PATCH {path}"] = answer
        return self.connect(self.service.url).boot(SYSTEM, target=target, enabled=enabled, mode=mode)

    def test_it_is_what_redfish_calls_it(self):
        for choice, sent in (
            (("pxe", "once", None), ONCE),
            (("disk", "continuous", "uefi"), {"Target": "Hdd", "Enabled": "Continuous", "Mode": "UEFI"}),
            (("bios_setup", "once", "legacy"), {"Target": "BiosSetup", "Enabled": "Once", "Mode": "Legacy"}),
            ((None, "disabled", None), {"Enabled": "Disabled"}),
            (("none", "disabled", None), {"Target": "None", "Enabled": "Disabled"}),
        ):
            self.assertEqual(base.Outcome(base.DONE), self.choose(choice=choice))
            wanted = {name if name in ONCE else f"BootSourceOverride{name}": sent[name] for name in sent}
            self.assertEqual([(SYSTEM, wanted)], self.sent)
        self.assertEqual(base.Outcome(base.DONE), self.choose(choice=(None, None, None)))
        self.assertEqual([], self.sent)

    def test_no_target_disables_the_choice_where_a_system_has_no_such_target(self):
        boot = {"BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe"]}
        self.choose(choice=("none", "once", None), Boot=boot)
        self.assertEqual([(SYSTEM, {"BootSourceOverrideEnabled": "Disabled"})], self.sent)

    def test_what_is_not_offered_is_not_sent(self):
        boot = {"BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe", "Hdd"]}
        error = self.assertRaises(
            introspection_errors.NotOffered, self.choose, choice=("cd", "once", None), Boot=boot
        )
        self.assertIn("no boot target cd, but pxe, disk", error.detail)
        self.assertEqual([], self.sent)

    def test_a_task_is_told(self):
        task = "/redfish/v1/TaskService/Tasks/1"
        outcome = self.choose(202, headers={"Location": task, "Retry_After": 5})
        self.assertEqual(base.Outcome(base.TASK, None, task, 5), outcome)

    def test_a_task_of_the_settings_is_told_though_the_system_is_changed_too(self):
        task = {"TaskState": "Running", "@odata.id": "/redfish/v1/TaskService/Tasks/1"}
        settings = {"@Redfish.Settings": {"SettingsObject": {"@odata.id": f"{SYSTEM}/Settings"}}}
        others = {f"{SYSTEM}/Settings": {"Boot": {"BootSourceOverrideTarget": "None"}}}
        outcome = self.choose(202, task, others, **settings)
        self.assertEqual((base.TASK, 2), (outcome.state, len(self.sent)))

    def test_a_refusal_is_told(self):
        for status, kind in (
            (400, errors.PodManagerError),
            (405, introspection_errors.NotOffered),
            (412, errors.PodManagerError),
            (503, composition_errors.PodManagerBusy),
            (504, composition_errors.HardwareOutcomeUnknown),
        ):
            error = self.assertRaises(errors.ValenceError, self.choose, status, {})
            self.assertIs(kind, type(error))

    def test_a_simulated_system_boots_from_it_once(self):
        simulator = self.useFixture(embedded.Pod(power_seconds=0)).simulator
        driver = self.connect(f"{simulator.url}/redfish/v1", username="admin", password="password")
        url = driver.read("/redfish/v1/Systems")["Members"][0]["@odata.id"]
        simulator.set_power(url.rpartition("/")[2], "Off")
        self.assertEqual(base.DONE, driver.boot(url, target="pxe", enabled="once").state)
        chosen = driver.machine_state(url)
        self.assertEqual(("pxe", "once", "uefi"), chosen[2:5])
        driver.power(url, "on")
        self.wait_for(lambda: driver.machine_state(url).boot_enabled == "disabled")
        driver.boot(url, target="disk", enabled="continuous", mode="legacy")
        self.assertEqual(("disk", "continuous", "legacy"), driver.machine_state(url)[2:5])
