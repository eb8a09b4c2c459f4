# SPDX-License-Identifier: Apache-2.0
"""How long a change of the hardware takes until a consumer on the bus knows of it."""

import time

from tests import clock

STATE_CHANGED = "valence.resource.state_changed"
POLL_SECONDS = 0.002


class Stopwatch:
    """Changes the power of the systems of a simulated pod, one at a time, and waits for each event.

    ``simulator`` is a deployment.Simulator, ``listener`` a bus_listener.BusListener, ``systems`` are uuids by id.
    """

    def __init__(self, simulator, listener, systems):
        self._simulator, self._listener, self._systems = simulator, listener, systems
        self._power = dict.fromkeys(systems, "On")

    def measure(self, changes, limit, pause=0.0):
        """Return the seconds that each of so many changes took; fail if one takes over SLOWEST × ``limit``."""
        ids = sorted(self._systems)
        seconds = []
        for number in range(changes):
            seconds.append(self._change(ids[number % len(ids)], limit))
            time.sleep(pause * (number % 7) / 3)  # not in step with anything periodic
        return seconds

    def _change(self, system, limit):
        power = self._power[system] = {"On": "Off", "Off": "On"}[self._power[system]]
        place, began = len(self._listener.heard), clock.seconds()
        self._simulator.control.patch(f"/simulator/systems/{system}", {"power": power})
        while clock.seconds() < began + clock.SLOWEST * limit:
            for arrived, event_type, payload in self._listener.heard[place:]:
                if event_type == STATE_CHANGED and self._is(payload, system, power):
                    return arrived - began
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{system} is {power} since {limit} s and nobody was told")

    def _is(self, payload, system, power):
        return payload["object"]["id"] == self._systems[system] and payload["new"]["power_state"] == power


def quantile(seconds, share):
    """Return the time that ``share`` of all did not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(seconds):
    """Return what to print of many times."""
    figures = {"median": 0.5, "90 %": 0.9, "99 %": 0.99, "longest": 1.0}
    told = ", ".join(f"{name} {1000 * quantile(seconds, share):.0f} ms" for name, share in figures.items())
    return f"{len(seconds)} changes: {told}"
