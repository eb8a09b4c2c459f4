# SPDX-License-Identifier: Apache-2.0
"""The course of power changes, with time in the test's hands."""

from tests import base
from valence.simulator import actions
from valence.simulator import options
from valence.simulator import pod


class PowerTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pod = pod.Pod(options.Inventory())
        self.system = self.pod.systems["System1"]
        self.later = []
        self.power = actions.Power(self.pod, 6, lambda seconds, *call: self.later.append((seconds, call)))

    def course(self, reset_type, start):
        """Return the states that a reset goes through, and how long it takes."""
        self.power.set(self.system, start)
        states, time = [self.system.power], 0
        self.power.reset(self.system, reset_type)
        states.append(self.system.power)
        while self.later:
            time += self.pass_time()
            states.append(self.system.power)
        return states, time

    def pass_time(self):
        seconds, (function, *arguments) = self.later.pop(0)
        function(*arguments)
        return seconds

    def test_on_and_off(self):
        for reset_type in ("On", "ForceOn", "PushPowerButton"):
            self.assertEqual((["Off", "PoweringOn", "On"], 6), self.course(reset_type, "Off"))
        for reset_type in ("ForceOff", "GracefulShutdown", "PushPowerButton"):
            self.assertEqual((["On", "PoweringOff", "Off"], 6), self.course(reset_type, "On"))

    def test_restarts(self):
        for reset_type in ("GracefulRestart", "ForceRestart"):
            self.assertEqual((["On", "PoweringOff", "PoweringOn", "On"], 6), self.course(reset_type, "On"))
        cycle = ["On", "PoweringOff", "Off", "PoweringOn", "On"]
        self.assertEqual((cycle, 6), self.course("PowerCycle", "On"))

    def test_what_is_so_already_stays_so(self):
        self.assertEqual((["On", "On"], 0), self.course("On", "On"))
        self.assertEqual((["Off", "Off"], 0), self.course("ForceOff", "Off"))
        self.assertEqual((["On", "On"], 0), self.course("Nmi", "On"))

    def test_a_restart_needs_a_system_that_is_on(self):
        self.assertRaises(ValueError, self.course, "GracefulRestart", "Off")

    def test_the_last_word_counts(self):
        self.power.reset(self.system, "ForceOff")
        self.power.reset(self.system, "On")
        while self.later:
            self.pass_time()
        self.assertEqual("On", self.system.power)

    def test_a_removed_system_changes_no_more(self):
        self.power.reset(self.system, "ForceOff")
        self.pod.remove_system("System1")
        self.pass_time()
        self.assertEqual("PoweringOff", self.system.power)

    def test_a_boot_uses_up_the_override_for_once(self):
        self.system.boot |= {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"}
        self.course("ForceRestart", "Off" if self.system.power == "Off" else "On")
        self.assertEqual("Disabled", self.system.boot["BootSourceOverrideEnabled"])
