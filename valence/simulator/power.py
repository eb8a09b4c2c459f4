# SPDX-License-Identifier: Apache-2.0
"""What a reset does to the power of a system, step by step."""

OFF = ("PoweringOff", "Off")
ON = ("PoweringOn", "On")
RESTART = ("PoweringOff", "PoweringOn", "On")
CYCLE = (*OFF, *ON)

STEPS = {
    "On": ON,
    "ForceOn": ON,
    "ForceOff": OFF,
    "GracefulShutdown": OFF,
    "GracefulRestart": RESTART,
    "ForceRestart": RESTART,
    "PowerCycle": CYCLE,
    "PushPowerButton": None,  # depends on the state
    "Nmi": (),
}
RESET_TYPES = tuple(STEPS)
STATES = ("On", "Off")


class Power:
    """Changes the power of the systems of ``pod`` within ``seconds``.

    ``call_later(seconds, function, *arguments)`` is how time passes.
    """

    def __init__(self, pod, seconds, call_later):
        self._pod = pod
        self._seconds = seconds
        self._call_later = call_later

    def reset(self, system, reset_type):
        """Begin a reset (a ``ResetType`` of ComputerSystem); ValueError where the state does not allow it."""
        steps = STEPS[reset_type]
        if steps is None:
            steps = OFF if system.power == "On" else ON
        if steps in (RESTART, CYCLE) and system.power == "Off":
            raise ValueError(f"{reset_type} needs a system that is on")
        if not steps or (steps in (ON, OFF) and system.power == steps[-1]):
            return
        self._begin(system, steps)

    def set(self, system, state):
        """Set the power at once, and end any change under way."""
        if state not in STATES:
            raise ValueError(f"power is one of {', '.join(STATES)}")
        self._begin(system, (state,))

    def _begin(self, system, steps):
        system.power_changes += 1  # a change under way sees that it was overtaken
        self._step(system, system.power_changes, steps, self._seconds / max(1, len(steps) - 1))

    def _step(self, system, change, steps, pause):
        if system.power_changes != change or self._pod.systems.get(system.id) is not system:
            return
        self._enter(system, steps[0])
        if len(steps) > 1:
            self._call_later(pause, self._step, system, change, steps[1:], pause)

    def _enter(self, system, state):
        if state == "On" and system.boot["BootSourceOverrideEnabled"] == "Once":
            system.boot = {
                **system.boot,
                "BootSourceOverrideEnabled": "Disabled",
                "BootSourceOverrideTarget": "None",
            }
        system.power = state
        self._pod.changed(system)
