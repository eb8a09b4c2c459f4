# SPDX-License-Identifier: Apache-2.0
"""Switch the machine of a node on and off, restart it, and choose what it boots from.

An action that may be repeated is asked for again where its answer was lost. A restart is not: the machine would restart
twice. Such an operation fails, and says that its outcome is unknown.
"""

import abc
import typing

from valence.common import composition_errors
from valence.common import errors
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import job
from valence.db.models import node as node_states
from valence.podmanagers import base

#: seconds between two polls of a machine that has not settled
INTERVAL = 1.0
#: most seconds until a request to a busy pod manager is repeated
LONGEST_PAUSE = 30
#: most requests for one action whose answers are lost
MOST_REQUESTS = 3
#: result of an operation whose action was accepted, but not seen to happen in time
UNCONFIRMED = "unconfirmed"


class _Action(job.Steps):
    """An action on the machine: request it unless it has been done, then poll until it is done."""

    names = ("act", "confirm")

    def __init__(self, one: job.Job) -> None:
        super().__init__(one)
        self._result = "complete"

    def act(self) -> float | None:
        """Ask for the action, unless it is done already."""
        handle = self.job.handle
        requests = handle.get("requests", 0)
        with self.job.driver() as driver:
            machine = driver.machine_state(self._url)
            if self.is_done(machine):
                return None
            self._require_repeatable(requests)
            self.job.save(requests=requests + 1, asked_at=self.job.store.now())
            try:
                outcome = self.request(driver)
            except composition_errors.PodManagerBusy as error:
                return self._wait(error, requests)
            except composition_errors.HardwareOutcomeUnknown:
                work_metrics.OUTCOMES_UNKNOWN.labels(self.job.step).inc()
                if requests + 1 < MOST_REQUESTS and self.is_repeatable:
                    return INTERVAL
                raise
        if outcome.task_url:
            self.job.save(task_url=outcome.task_url)
        return None

    def _wait(self, error: composition_errors.PodManagerBusy, requests: int) -> float:
        """Return the seconds until the request is repeated; it is not counted, because it was not accepted."""
        since = self.job.handle.get("busy_since") or self.job.store.now()
        self.job.save(requests=requests, busy_since=since)
        if self.job.store.now() - since > self.job.options.power_timeout:
            raise error
        return min(error.retry_after, LONGEST_PAUSE)

    def confirm(self) -> float | None:
        """Poll until the action is done; after [composition] power_timeout the result is unconfirmed."""
        with self.job.driver() as driver:
            pause = self._pause(driver)
        if pause is None:
            return None
        now = self.job.store.now()
        if "asked_at" not in self.job.handle:
            self.job.save(asked_at=now)  # it was done already, and somebody has undone it since
        if now - self.job.handle["asked_at"] < self.job.options.power_timeout:
            return pause
        self._result = UNCONFIRMED
        return None

    def _pause(self, driver: base.PodManagerDriver) -> float | None:
        """Return the seconds until a machine that has not settled is read again, None for one that has."""
        task_url = self.job.handle.get("task_url")
        if task_url:
            outcome = driver.follow(task_url)
            if outcome.state == base.TASK:
                return outcome.retry_after or INTERVAL
            self.job.save(task_url=None)
        machine = driver.machine_state(self._url)
        if not self.is_visible(machine):
            self._result = UNCONFIRMED
            return None
        return None if self.is_settled(machine) else INTERVAL

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that stops answering after the request: a controller may restart with its machine."""
        is_waiting = self.job.step == "confirm" and isinstance(error, errors.PodManagerUnreachable)
        since = self.job.handle.get("asked_at")
        if not is_waiting or since is None or self.job.store.now() - since > self.job.options.power_timeout:
            return None
        return INTERVAL

    def succeeded(self) -> job.Ending:
        return super().succeeded()._replace(result=self._result)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Return the node to where it was: its hardware is still its own."""
        return job.Ending({"state": node_states.COMPOSED, "error": None})

    @property
    def _url(self) -> str:
        return typing.cast(str, self.job.node.resource_url)

    def _require_repeatable(self, requests: int) -> None:
        if requests and not self.is_repeatable:
            raise composition_errors.HardwareOutcomeUnknown(
                url=self._url, reason="the conductor that asked for it stopped before the answer came"
            )

    @property
    @abc.abstractmethod
    def is_repeatable(self) -> bool:
        """Whether two requests have the effect of one."""

    def is_visible(self, machine: base.MachineState) -> bool:
        """Return whether the machine shows the state that the action leads to."""
        return True

    @abc.abstractmethod
    def is_done(self, machine: base.MachineState) -> bool:
        """Return whether the action need not be requested."""

    @abc.abstractmethod
    def is_settled(self, machine: base.MachineState) -> bool:
        """Return whether the action was done."""

    @abc.abstractmethod
    def request(self, driver: base.PodManagerDriver) -> base.Outcome:
        """Request the action, once."""


#: the power states that an action leads to; two requests for one of these actions have the effect of one
_WANTED = {
    "on": ("On",),
    "force_on": ("On",),
    "resume": ("On",),
    "force_off": ("Off",),
    "graceful_shutdown": ("Off",),
    "suspend": ("Paused", "Off"),
    "pause": ("Paused",),
}
#: actions without a state that they lead to
_INVISIBLE = ("nmi", "push_power_button")
#: states of a machine that is about to change
_MOVING = ("PoweringOn", "PoweringOff")


class Power(_Action):
    """Reset the machine: the handle has ``power``, one of ``models.node.POWER_ACTIONS``."""

    @property
    def is_repeatable(self) -> bool:
        return self._wanted in _WANTED

    def is_done(self, machine: base.MachineState) -> bool:
        return machine.power_state in _WANTED.get(self._wanted, ())

    def is_visible(self, machine: base.MachineState) -> bool:
        return machine.power_state is not None or self._wanted in _INVISIBLE

    def is_settled(self, machine: base.MachineState) -> bool:
        state = machine.power_state
        if self._wanted in _INVISIBLE:
            return True
        return self.is_done(machine) if self.is_repeatable else state not in (*_MOVING, "Off")

    def request(self, driver: base.PodManagerDriver) -> base.Outcome:
        return driver.power(self._url, self._wanted)

    @property
    def _wanted(self) -> str:
        return typing.cast(str, self.job.handle["power"])


class Boot(_Action):
    """Choose what the machine boots from: the handle has ``boot``, ``{"target", "enabled", "mode"}``."""

    is_repeatable = True

    def is_done(self, machine: base.MachineState) -> bool:
        target, enabled, mode = (self._wanted[name] for name in ("target", "enabled", "mode"))
        if "disabled" in (enabled, machine.boot_enabled) or machine.boot_enabled is None:
            return enabled == "disabled" and machine.boot_enabled in (None, "disabled")
        is_chosen = (machine.boot_target, machine.boot_enabled) == (target, enabled)
        return is_chosen and mode in (None, machine.boot_mode)

    is_settled = is_done

    def request(self, driver: base.PodManagerDriver) -> base.Outcome:
        return driver.boot(self._url, **self._wanted)

    @property
    def _wanted(self) -> dict[str, typing.Any]:
        return typing.cast(dict[str, typing.Any], self.job.handle["boot"])
