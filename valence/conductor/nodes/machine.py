# SPDX-License-Identifier: Apache-2.0
"""Changes of a machine: switch it on and off, restart it, and choose what it boots from.

A change that may be repeated is requested again where its answer was lost. A restart is not: the machine would restart
twice. Such a change fails, and says that its outcome is unknown.
"""

import abc
import typing

from valence.common import composition_errors
from valence.common import errors
from valence.conductor.inventory import losses
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import hardware
from valence.conductor.nodes import job
from valence.db.models.node import COMPOSED
from valence.podmanagers import base

#: result of an operation whose change was accepted, but not seen to happen in time
UNCONFIRMED = "unconfirmed"


Wanted = typing.TypeVar("Wanted")


class Change(abc.ABC, typing.Generic[Wanted]):
    """A change of the machine at ``url`` to what is ``wanted``.

    What is under way is stored in the handle, in the dictionary ``place``, or at the top if the operation makes this
    change alone. ``act``, ``confirm`` and ``make`` return what the methods of ``job.Steps`` do, and may be called again
    at any time.
    """

    def __init__(self, one: job.Job, url: str, wanted: Wanted, place: str | None = None) -> None:
        self.job, self._url, self._wanted, self._place = one, url, wanted, place

    @property
    def result(self) -> str:
        """The result of the operation: "complete", or UNCONFIRMED after ``confirm`` stopped waiting."""
        return UNCONFIRMED if self._notes.get("is_unconfirmed") else "complete"

    def act(self) -> float | None:
        """Request the change, unless it is done already."""
        requests = self._notes.get("requests", 0)
        with self.job.driver() as driver:
            machine = self._state(driver)
            if self.is_done(machine):
                return None
            self._require_repeatable(requests)
            self._save(requests=requests + 1, asked_at=self.job.store.now())
            try:
                outcome = self.request(driver)
            except composition_errors.PodManagerBusy as error:
                return self._wait(error, requests)
            except composition_errors.HardwareOutcomeUnknown:
                work_metrics.OUTCOMES_UNKNOWN.labels(self.job.step).inc()
                if requests + 1 < hardware.MOST_REQUESTS and self.is_repeatable:
                    return hardware.INTERVAL
                raise
            except errors.PodManagerUnreachable:
                self._save(requests=requests)  # it was not sent
                raise
        if outcome.task_url:
            self._save(task_url=outcome.task_url)
        return None

    def confirm(self) -> float | None:
        """Poll until the change is done; after [composition] power_timeout the result is UNCONFIRMED."""
        with self.job.driver() as driver:
            pause = self._pause(driver)
        if pause is None:
            return None
        now = self.job.store.now()
        if "asked_at" not in self._notes:
            self._save(asked_at=now)  # it was done already, and somebody has undone it since
        if now - self._notes["asked_at"] < self.job.options.power_timeout:
            return pause
        self._save(is_unconfirmed=True)
        return None

    def make(self) -> float | None:
        """Request the change, unless that was done, then poll until it is done: both parts in one step."""
        if not self._notes.get("is_requested"):
            seconds = self.act()
            if seconds is not None:
                return seconds
            self._save(is_requested=True)
        return self.confirm()

    def is_patient(self, error: errors.ValenceError) -> bool:
        """Return whether to wait, for [composition] power_timeout, for a pod manager that does not answer.

        A controller may restart with its machine.
        """
        is_lost = isinstance(error, composition_errors.HardwareOutcomeUnknown)
        if is_lost or not isinstance(error, errors.PodManagerUnreachable):
            return False
        now = self.job.store.now()
        if "asked_at" not in self._notes:
            self._save(asked_at=now)
        return bool(now - self._notes["asked_at"] <= self.job.options.power_timeout)

    def _wait(self, error: composition_errors.PodManagerBusy, requests: int) -> float:
        """Return the seconds until the request is repeated; it is not counted, because it was not accepted."""
        since = self._notes.get("busy_since") or self.job.store.now()
        self._save(requests=requests, busy_since=since)
        if self.job.store.now() - since > self.job.options.power_timeout:
            raise error
        return min(error.retry_after, hardware.LONGEST_PAUSE)

    def _pause(self, driver: base.PodManagerDriver) -> float | None:
        """Return the seconds until a machine that has not settled is read again, None for one that has."""
        task_url = self._notes.get("task_url")
        if task_url:
            outcome = driver.follow(task_url)
            if outcome.state == base.TASK:
                return outcome.retry_after or hardware.INTERVAL
            self._save(task_url=None)
        machine = self._state(driver)
        if not self.is_visible(machine):
            self._save(is_unconfirmed=True)
            return None
        return None if self.is_settled(machine) else hardware.INTERVAL

    def _state(self, driver: base.PodManagerDriver) -> base.MachineState:
        """Return the machine as it is; raise MachineLost where another one is at its path."""
        machine = driver.machine_state(self._url)
        losses.require_same(self.job.node, self._url, machine.sign)
        self.job.note_power(machine.power_state)
        return machine

    def _require_repeatable(self, requests: int) -> None:
        if requests and not self.is_repeatable:
            raise composition_errors.HardwareOutcomeUnknown(
                url=self._url, reason="the conductor that asked for it stopped before the answer came"
            )

    @property
    def _notes(self) -> dict[str, typing.Any]:
        handle = self.job.handle
        return handle if self._place is None else handle.get(self._place) or {}

    def _save(self, **values: typing.Any) -> None:
        self.job.save(**values if self._place is None else {self._place: self._notes | values})

    @property
    @abc.abstractmethod
    def is_repeatable(self) -> bool:
        """Whether two requests have the effect of one."""

    def is_visible(self, machine: base.MachineState) -> bool:
        """Return whether the machine shows the state that the change leads to."""
        return True

    @abc.abstractmethod
    def is_done(self, machine: base.MachineState) -> bool:
        """Return whether the change need not be requested."""

    @abc.abstractmethod
    def is_settled(self, machine: base.MachineState) -> bool:
        """Return whether the change was made."""

    @abc.abstractmethod
    def request(self, driver: base.PodManagerDriver) -> base.Outcome:
        """Request the change, once."""


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


class Power(Change[str]):
    """A reset, one of ``models.node.POWER_ACTIONS``."""

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
        return self.is_done(machine) if self.is_repeatable else state not in (*base.TRANSITIONAL, "Off")

    def request(self, driver: base.PodManagerDriver) -> base.Outcome:
        return driver.power(self._url, self._wanted)


class Boot(Change[dict[str, typing.Any]]):
    """A choice of what the machine boots from: ``{"target", "enabled", "mode"}``."""

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


#: changes by the name that requests and steps have for them; after a node was made they come in this order
KINDS: dict[str, type[Change[typing.Any]]] = {"boot": Boot, "power": Power}


class _Action(job.Steps):
    """One change of the machine: request it unless it has been done, then poll until it is done."""

    names = ("act", "confirm")
    light = frozenset(names)
    #: the key of ``KINDS``, under which the handle has what is wanted
    kind: typing.ClassVar[str]

    def __init__(self, one: job.Job) -> None:
        super().__init__(one)
        url = typing.cast(str, one.node.resource_url)
        self._change = KINDS[self.kind](one, url, one.handle[self.kind])

    def act(self) -> float | None:
        """Request the change, unless it is done already."""
        return self._change.act()

    def confirm(self) -> float | None:
        """Poll until the change is done, or for [composition] power_timeout."""
        return self._change.confirm()

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that stops answering after the request."""
        is_waiting = self.job.step == "confirm" and self._change.is_patient(error)
        return hardware.INTERVAL if is_waiting else None

    def succeeded(self) -> job.Ending:
        return super().succeeded()._replace(result=self._change.result)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Return the node to where it was: its hardware is still its own, unless its machine is gone.

        What the inventory still has is compared by the synchronization that follows the operation.
        """
        node = self.job.node
        if isinstance(error, composition_errors.MachineLost):
            return job.Ending(losses.values(node, self.job.store.at(), error.detail))
        if isinstance(error, errors.ResourceGone) and not losses.is_known(self.job.store, node):
            return job.Ending(losses.values(node, self.job.store.at()))
        return job.Ending({"state": COMPOSED, "error": None})


class PowerAction(_Action):
    """The operation that resets the machine of a node."""

    kind = "power"


class BootAction(_Action):
    """The operation that chooses what the machine of a node boots from."""

    kind = "boot"
