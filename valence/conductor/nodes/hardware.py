# SPDX-License-Identifier: Apache-2.0
"""What operations on the hardware of a node share: requests to a pod manager, and polls of what they change.

A request whose answer was lost is a question: the next step looks at the hardware before anything is requested again.
"""

import functools
import math
import time
import typing

from valence.common import composition_errors
from valence.common import errors
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.db import models
from valence.db import store
from valence.podmanagers import base
from valence.podmanagers import composers

#: seconds between two polls of hardware that is changing
INTERVAL = 1.0
#: most seconds until a request to a busy pod manager is repeated
LONGEST_PAUSE = 30.0
#: how often devices are chosen, and how often the same is requested
MOST_CHOICES = 3
MOST_REQUESTS = 3
#: seconds between the two times that parts have to be free before a request is repeated
FREE_SECONDS = 10.0
#: seconds that a machine gets to shut down before it is switched off
SHUTDOWN_SECONDS = 60.0
#: seconds between two requests to switch a machine off
FORCE_SECONDS = 30.0
#: parts that a machine is built on
BASES = ("processor", "system")


class Hardware(job.Steps):
    """Steps that change what a machine consists of."""

    is_structural = True
    #: when paths of devices were read, and these, by UUID
    _paths: tuple[float, dict[str, str]] = (-math.inf, {})

    def claims(self) -> list[models.Claim]:
        """Return the claims of the node."""
        return self.job.claims()

    @property
    def urls(self) -> tuple[str, ...]:
        """The paths of the claimed parts, the base first; a part that is gone has none."""
        claims = sorted(self.claims(), key=lambda claim: (not claim.part.startswith(BASES), claim.part))
        paths = self.paths([claim.device_id for claim in claims])
        return tuple(paths[claim.device_id] for claim in claims if claim.device_id in paths)

    def paths(self, uuids: typing.Sequence[str]) -> dict[str, str]:
        """Return the paths of devices by their UUIDs; a device that is gone has none.

        What was read of them lately is not read again.
        """
        read_at, known = self._paths
        if time.monotonic() - read_at > job.RECENT:
            read_at, known = time.monotonic(), {}
        if missing := [uuid for uuid in uuids if uuid not in known]:
            wanted = [store.Filter("uuid", "in", missing)]
            rows = self.job.store.list(models.Resource, filters=wanted, fields=["uuid", "resource_url"])
            known = known | {row.uuid: row.resource_url for row in rows}
            self._paths = read_at, known
        return {uuid: known[uuid] for uuid in uuids if uuid in known}

    def note_free(self, looked: typing.Iterable[composers.Part]) -> None:
        """Store which of the parts that were read are free, so that they can be had before a synchronization."""
        free = {part.resource_url for part in looked if part.is_free}
        paths = self.paths([claim.device_id for claim in self.claims()])
        rights.note_free(self.job.store, [uuid for uuid, url in paths.items() if url in free])

    def require_paths(self) -> None:
        """Raise DeviceGone where the inventory lacks a claimed part."""
        uuids = [claim.device_id for claim in self.claims()]
        if gone := set(uuids) - self.paths(uuids).keys():
            raise composition_errors.DeviceGone(device=min(gone))

    def until_free_twice(self) -> float | None:
        """Return the seconds until parts that are free were so for FREE_SECONDS, None where they were.

        A request whose answer was lost may still be worked on.
        """
        now, free_at = self.job.store.now(), self.job.handle.get("free_at")
        if free_at is None:
            self.job.save(free_at=now)
            return FREE_SECONDS
        return FREE_SECONDS - (now - free_at) if now - free_at < FREE_SECONDS else None

    def followed(
        self, driver: base.PodManagerDriver, ended: typing.Callable[[base.Outcome], dict[str, typing.Any]]
    ) -> float | None:
        """Return the seconds until a task of the pod manager is polled again, None where it has ended.

        ``ended`` returns the fields of the handle that the outcome of the task sets.
        """
        task_url = self.job.handle.get("task_url")
        if not task_url:
            return None
        try:
            outcome = driver.follow(task_url)
        except errors.ResourceGone:
            outcome = base.Outcome(base.UNKNOWN)
        except errors.PodManagerUnreachable as error:
            return self.again(error.detail)  # the task goes on without being asked
        except errors.PodManagerAuthFailed:
            raise  # this says nothing of the task
        except errors.PodManagerError:
            self.job.save(task_url=None)
            raise
        if outcome.state == base.TASK:
            return self.again("The pod manager's task has not ended.", outcome.retry_after)
        self.job.save(task_url=None, **ended(outcome))
        return None

    def asked(
        self,
        request: typing.Callable[[], base.Outcome],
        *,
        refused: dict[str, typing.Any] | None = None,
        ended: typing.Callable[[base.Outcome], dict[str, typing.Any]] = lambda _: {},
        is_followed: bool = True,
    ) -> float | None:
        """Send one request; return the seconds until its effect is checked, None where the effect is known.

        ``refused`` are fields of the handle for a request that a busy pod manager did not accept, ``ended`` returns
        those that an outcome sets.
        """
        try:
            outcome = request()
        except composition_errors.PodManagerBusy as error:
            if refused:
                self.job.save(**refused)
            return self.again(error.detail, error.retry_after)
        except composition_errors.HardwareOutcomeUnknown as error:
            work_metrics.OUTCOMES_UNKNOWN.labels(self.job.step).inc()
            return self.again(error.detail)
        if outcome.state == base.TASK:
            if is_followed:
                self.job.save(task_url=outcome.task_url)
            return float(outcome.retry_after or INTERVAL)
        if values := ended(outcome):
            self.job.save(**values)
        return None if outcome.state == base.DONE else INTERVAL

    @property
    def patience(self) -> float:
        """The seconds for which a step polls: [composition] timeout."""
        return typing.cast(float, self.job.options.timeout)

    def again(self, reason: str, seconds: float | None = None) -> float:
        """Return the seconds until the next poll; raise CompositionFailed after ``patience``."""
        step, now = self.job.step, self.job.store.now()
        since = self.job.handle.get("since") or {}
        if since.get("step") != step:
            since = {"step": step, "at": now}
            self.job.save(since=since)
        if now - since["at"] > self.patience:
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        return min(LONGEST_PAUSE, float(seconds or INTERVAL))

    def switched_off(self, url: str) -> float | None:
        """Shut a machine down, or force it off after SHUTDOWN_SECONDS; return None once it is off, or gone."""
        with self.job.driver() as driver:
            try:
                state = driver.machine_state(url)
            except errors.ResourceGone:
                return None
            self.job.note_power(state.power_state)
            if state.power_state in (None, "Off"):
                return None
            asked_at, forced_at = self.job.handle.get("shutdown_at"), self.job.handle.get("forced_at")
            if asked_at is None:
                return self._shut_down(driver, url, _shutdown(state))
            until = asked_at + SHUTDOWN_SECONDS if forced_at is None else forced_at + FORCE_SECONDS
            if self.job.store.now() > until:
                return self._force_off(driver, url, forced_at)
        return self.again("The machine does not switch itself off.")

    def _shut_down(self, driver: base.PodManagerDriver, url: str, reset_type: str) -> float:
        self.job.save(shutdown_at=self.job.store.now())
        try:
            return self._reset(driver, url, reset_type, {"shutdown_at": None})
        except errors.PodManagerUnreachable:
            raise
        except errors.PodManagerError:
            self.job.save(shutdown_at=0)  # the machine refuses a graceful shutdown
            return 0.0

    def _force_off(self, driver: base.PodManagerDriver, url: str, forced_at: float | None) -> float:
        self.job.save(forced_at=self.job.store.now())
        try:
            return self._reset(driver, url, "force_off", {"forced_at": forced_at})
        except errors.PodManagerUnreachable:
            raise
        except errors.PodManagerError as error:
            if forced_at is None:
                raise
            return self.again(error.detail)  # it may be switching itself off

    def _reset(
        self, driver: base.PodManagerDriver, url: str, reset_type: str, unsent: dict[str, typing.Any]
    ) -> float:
        """Request a reset; return the seconds until the next look. ``unsent`` is the handle if it was not accepted."""
        try:
            request = functools.partial(driver.power, url, reset_type)
            return self.asked(request, refused=unsent, is_followed=False) or INTERVAL
        except errors.PodManagerUnreachable:
            self.job.save(**unsent)
            raise


def _shutdown(machine: base.MachineState) -> str:
    return "graceful_shutdown" if "graceful_shutdown" in machine.reset_types else "force_off"
