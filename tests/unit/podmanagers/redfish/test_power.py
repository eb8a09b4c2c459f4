# SPDX-License-Identifier: Apache-2.0
"""What power and boot of a system are, and what a reset does."""

import threading

from tests import embedded
from tests.unit.podmanagers import case
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.db.models import node
from valence.podmanagers import base
from valence.podmanagers.redfish import power

SYSTEM = "/redfish/v1/Systems/1"
NODE = "/redfish/v1/Nodes/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
SETTINGS = f"{SYSTEM}/Settings"
TASK = "/redfish/v1/TaskService/Tasks/1"


def offering(*values, **action):
    """Return the properties of a system whose reset takes these values."""
    action = {"target": RESET, "ResetType@Redfish.AllowableValues": list(values)} | action
    return {"Actions": {"#ComputerSystem.Reset": action}}


class NamesTest(case.RedfishTestCase):
    def test_every_name_stands_for_one_value_of_redfish(self):
        for names, values in (
            (node.POWER_ACTIONS, {"On", "ForceOff", "GracefulShutdown", "Nmi", "FullPowerCycle"}),
            (node.BOOT_TARGETS, {"None", "Pxe", "Hdd", "Cd", "Usb", "BiosSetup", "UefiHttp", "SDCard"}),
            (node.BOOT_ENABLED, {"Once", "Continuous", "Disabled"}),
            (node.BOOT_MODES, {"UEFI", "Legacy"}),
        ):
            made = {power.value_of(name) for name in names}
            self.assertEqual((len(names), set()), (len(made), values - made))


class PowerCase(case.RedfishTestCase):
    def driver(self, documents=None, **values):
        """Return a driver for a service with one system, which has these values."""
        composed = {"Links": {"ComputerSystem": {"@odata.id": SYSTEM}}}
        self.service = self.serve({NODE: composed, SYSTEM: values} | (documents or {}))
        self.answer(204)
        return self.connect(self.service.url)

    def answer(self, status, document=b"", path=RESET, **headers):
        """Let resets be answered in this way, and keep what they ask for."""
        self.sent = []

        def answer(handler):
            self.sent.append(handler.body)
            handler.answer(status, document, **headers)

        self.service.answers[f"POST {path}"] = answer


class StateTest(PowerCase):
    def test_a_composed_node_leads_to_the_path_of_its_system(self):
        driver = self.driver(PowerState="On")
        self.assertEqual([SYSTEM, SYSTEM], [driver.system_path(NODE), driver.system_path(SYSTEM)])

    def test_what_a_system_says(self):
        boot = {
            "BootSourceOverrideTarget": "Hdd",
            "BootSourceOverrideEnabled": "Continuous",
            "BootSourceOverrideMode": "UEFI",
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "UsbCd", "Hdd", "Oem", 5],
        }
        driver = self.driver(PowerState="PoweringOn", Boot=boot, **offering("ForceOff", "On", "Oem", None))
        expected = base.MachineState(
            "PoweringOn", ["on", "force_off"], "disk", "continuous", "uefi", ["none", "disk", "cd"]
        )
        for url in (SYSTEM, NODE):
            self.assertEqual(expected, driver.machine_state(url))

    def test_what_a_system_does_not_say_is_what_the_standard_has(self):
        expected = base.MachineState(None, list(power.STANDARD), None, None, None, list(node.BOOT_TARGETS))
        for odd in (5, "text", [], None, {}, {"#ComputerSystem.Reset": 5}):
            driver = self.driver(PowerState=[odd], Boot=odd, Actions=odd, **{"@Redfish.Settings": odd})
            self.assertEqual(expected, driver.machine_state(SYSTEM), odd)
        self.assertEqual("power_cycle", power.STANDARD[-1])

    def test_what_the_settings_say_is_what_will_be(self):
        settings = {"@Redfish.Settings": {"SettingsObject": {"@odata.id": SETTINGS}}}
        boot = {"BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled"}
        later = {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": None}
        driver = self.driver({SETTINGS: {"Boot": later}}, Boot=boot, **settings)
        machine = driver.machine_state(SYSTEM)
        self.assertEqual(("pxe", "disabled"), (machine.boot_target, machine.boot_enabled))
        for document in ({"Boot": 5}, {"Id": 5}, None):
            self.service.documents[SETTINGS] = document
            self.assertEqual("none", driver.machine_state(SYSTEM).boot_target)

    def test_resets_may_be_listed_by_an_action_info(self):
        info = f"{SYSTEM}/ResetInfo"
        listed = {"Parameters": [5, {"Name": "ResetType", "AllowableValues": ["PowerCycle"]}]}
        action = {"Actions": {"#ComputerSystem.Reset": {"@Redfish.ActionInfo": info}}}
        driver = self.driver({info: listed}, **action)
        self.assertEqual(["power_cycle"], driver.machine_state(SYSTEM).reset_types)
        for document in ({"Parameters": 5}, {"Parameters": [{"Name": "ResetType"}]}, None):
            self.service.documents[info] = document
            self.assertEqual(list(power.STANDARD), driver.machine_state(SYSTEM).reset_types)

    def test_a_system_that_is_gone_or_silent_is_told(self):
        driver = self.driver()
        self.assertRaises(errors.ResourceGone, driver.machine_state, f"{SYSTEM}7")
        info = f"{SYSTEM}/ResetInfo"
        driver = self.driver(Actions={"#ComputerSystem.Reset": {"@Redfish.ActionInfo": info}})
        self.service.answers[f"GET {info}"] = lambda handler: setattr(handler, "close_connection", True)
        self.assertRaises(errors.PodManagerUnreachable, driver.machine_state, SYSTEM)


class ResetTest(PowerCase):
    def test_it_is_sent_once_to_where_the_action_says(self):
        for reset_type, value in (("force_off", "ForceOff"), ("full_power_cycle", "FullPowerCycle")):
            driver = self.driver(**offering(value, target="/redfish/v1/reset/"))
            self.answer(204, path="/redfish/v1/reset")
            for url in (SYSTEM, NODE):
                self.assertEqual(base.Outcome(base.DONE), driver.power(url, reset_type))
            self.assertEqual([{"ResetType": value}] * 2, self.sent)
        driver = self.driver()
        driver.power(SYSTEM, "on")
        self.assertEqual([{"ResetType": "On"}], self.sent)

    def test_what_the_machine_does_not_offer_is_not_sent(self):
        for reset_type, offered in (("nmi", ["On", "ForceOff"]), ("suspend", [])):
            driver = self.driver(**offering(*offered))
            error = self.assertRaises(introspection_errors.NotOffered, driver.power, SYSTEM, reset_type)
            self.assertIn(f"no power action {reset_type}, but on, force_off", error.detail)
        self.assertEqual([], self.sent)

    def test_an_action_that_is_not_there_is_not_offered(self):
        for status in (404, 405, 501):
            driver = self.driver()
            self.answer(status)
            self.assertRaises(introspection_errors.NotOffered, driver.power, SYSTEM, "on")

    def test_a_task_is_followed_one_poll_at_a_time(self):
        driver = self.driver({TASK: {"TaskState": "Running"}})
        self.answer(202, Location=TASK, Retry_After=3)
        self.assertEqual(base.Outcome(base.TASK, None, TASK, 3), driver.power(SYSTEM, "on"))
        self.assertEqual(base.TASK, driver.follow(TASK).state)
        self.service.documents[TASK] = {"TaskState": "Completed"}
        self.assertEqual(base.Outcome(base.DONE), driver.follow(TASK))

    def test_a_refusal_is_a_failure_with_its_text(self):
        for status in (400, 409, 412, 500):
            driver = self.driver()
            self.answer(status, {"error": {"message": "the lid is open"}})
            error = self.assertRaises(errors.PodManagerError, driver.power, SYSTEM, "on")
            self.assertEqual((errors.PodManagerError, 1), (type(error), len(self.sent)))
            self.assertIn("the lid is open", error.detail)

    def test_a_restart_whose_answer_is_lost_is_sent_once_and_unknown(self):
        silence = threading.Event()
        self.addCleanup(silence.set)
        for lost in (
            lambda handler: setattr(handler, "close_connection", True),
            lambda handler: handler.answer(504, b""),
            lambda handler: silence.wait(10),
        ):
            driver = self.driver()
            self.service.answers[f"POST {RESET}"] = lost
            self.assertRaises(
                composition_errors.HardwareOutcomeUnknown, driver.power, SYSTEM, "force_restart"
            )
            self.assertEqual(1, self.service.count(f"POST {RESET}"))

    def test_a_restart_that_cannot_be_sent_is_certainly_not_done(self):
        driver = self.driver()
        document = driver.read(SYSTEM)
        connection = driver._connection
        connection._session.http.pool.close()
        connection._session.http.pool.port = 1  # nothing listens there
        error = self.assertRaises(
            errors.PodManagerUnreachable, power.reset, connection, SYSTEM, document, "force_restart"
        )
        self.assertIs(errors.PodManagerUnreachable, type(error))

    def test_another_service_is_asked_for_nothing(self):
        other = self.serve({})
        driver = self.driver(**offering("On", target=f"{other.url}/reset"))
        error = self.assertRaises(errors.PodManagerError, driver.power, SYSTEM, "on")
        self.assertIn("another service", error.detail)
        self.assertEqual(([], []), (other.requests, self.sent))


class SimulatorTest(case.RedfishTestCase):
    def test_each_reset_of_a_simulated_system_does_what_it_says(self):
        simulator = self.useFixture(embedded.Pod(power_seconds=0)).simulator
        driver = self.connect(f"{simulator.url}/redfish/v1", username="admin", password="password")
        url = driver.read("/redfish/v1/Systems")["Members"][0]["@odata.id"]
        simulator.set_power(url.rpartition("/")[2], "Off")
        for reset_type, power_state in (
            ("on", "On"),
            ("force_restart", "On"),
            ("nmi", "On"),
            ("push_power_button", "Off"),
            ("force_on", "On"),
            ("power_cycle", "On"),
            ("graceful_shutdown", "Off"),
        ):
            self.assertEqual(base.DONE, driver.power(url, reset_type).state)
            self.wait_for(lambda state=power_state: driver.machine_state(url).power_state == state)
        self.assertIn("needs a system that is on", self.refused(driver, url, "force_restart"))
        machine = driver.machine_state(url)
        self.assertEqual(set(power.STANDARD), set(machine.reset_types))

    def refused(self, driver, url, reset_type):
        return self.assertRaises(errors.PodManagerError, driver.power, url, reset_type).detail
