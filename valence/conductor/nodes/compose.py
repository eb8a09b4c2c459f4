# SPDX-License-Identifier: Apache-2.0
"""Compose a machine of claimed parts, and take one apart again.

The claims were stored with the node. A request whose answer was lost is never repeated before the pod manager was seen
to have no such machine, and its parts were seen to be free twice. Claims end only when the parts were seen to be free.
"""

import typing

from valence.common import composition_errors
from valence.common import errors
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.db import models
from valence.db import store
from valence.db.models import node as node_states
from valence.db.models.node import ERROR_LENGTH
from valence.podmanagers import base
from valence.podmanagers import composer as composers

#: seconds between two polls of hardware that is changing
INTERVAL = 1.0
#: most seconds until a request to a busy pod manager is repeated
LONGEST_PAUSE = 30.0
#: how often devices are chosen, and how often a machine is requested
MOST_CHOICES = 3
MOST_REQUESTS = 3
#: seconds between the two times that parts have to be free before a request is repeated
FREE_SECONDS = 10.0
#: seconds that a machine gets to shut down before it is switched off
SHUTDOWN_SECONDS = 60.0


class _Hardware(job.Steps):
    """The steps that composing and taking apart share: remove a machine, and wait until its parts are free."""

    is_structural = True

    def remove(self) -> float | None:
        """Request that the machine is taken apart, unless there is none."""
        if self._is_untouched:
            return None
        with self.job.driver() as driver:
            composer = driver.composer()
            if (seconds := self._followed(driver)) is not None:
                return seconds
            for url in self._one(self._machines(composer)):
                if composer.exists(url):
                    self.job.save(touched=True)
                    return self._asked(driver, "remove", lambda url=url: composer.decompose(url))
        return None

    def gone(self) -> float | None:
        """Poll until the machine is gone and its parts are free."""
        if self._is_untouched:
            return None
        with self.job.driver() as driver:
            composer = driver.composer()
            if any(composer.exists(url) for url in self._one(self._machines(composer))):
                return self._again(
                    "The pod manager accepted the removal of the machine, which is still there."
                )
            looked = composer.look(self.urls)
            busy = [part for part in looked if part.is_changing or (not part.is_free and part.consumers)]
            if busy:
                self.job.save(free_at=None)
                return self._again(f"{busy[0].resource_url} is not free: {busy[0].reason}")
            if not self._known_machine and (seconds := self._until_free_twice()):
                return seconds
            composer.reserve(self.urls, False)
        return None

    def _one(self, machines: list[str]) -> list[str]:
        """Return the machines that may be the node's, at most one; raise CompositionFailed where there are several."""
        if len(machines) > 1:
            reason = f"several machines may be the one: {', '.join(machines)}"
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        return machines

    def _until_free_twice(self) -> float | None:
        """Return the seconds until parts that are free were so for FREE_SECONDS, None where they were.

        A request whose answer was lost may still be worked on.
        """
        now, free_at = self.job.store.now(), self.job.handle.get("free_at")
        if free_at is None:
            self.job.save(free_at=now)
            return FREE_SECONDS
        return FREE_SECONDS - (now - free_at) if now - free_at < FREE_SECONDS else None

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that does not answer, once there may be something to be found or removed."""
        if self._is_untouched or not isinstance(error, errors.PodManagerUnreachable):
            return None
        return self._again(error.detail)

    @property
    def urls(self) -> tuple[str, ...]:
        """The paths of the claimed parts, the base first; a part that is gone has none."""
        claims = sorted(self.claims(), key=lambda claim: (not claim.part.startswith(BASES), claim.part))
        wanted = [store.Filter("uuid", "in", [claim.device_id for claim in claims])]
        rows = self.job.store.list(models.Resource, filters=wanted, fields=["uuid", "resource_url"])
        paths = {row.uuid: row.resource_url for row in rows}
        return tuple(paths[claim.device_id] for claim in claims if claim.device_id in paths)

    def claims(self) -> list[models.Claim]:
        """Return the claims of the node."""
        return rights.claims(self.job.store, self.job.node)

    @property
    def plan(self) -> composers.Plan:
        """The machine that is made, or was."""
        handle, node = self.job.handle, self.job.node
        before = handle.get("before")
        return composers.Plan(
            node.uuid, node.name, self.urls, handle.get("zone"), None if before is None else tuple(before)
        )

    @property
    def _is_untouched(self) -> bool:
        """Whether no request for the machine can have left this or another conductor."""
        return not self.job.handle.get("requests") and not self.job.node.resource_url

    @property
    def _known_machine(self) -> str | None:
        """The path of the node's machine, None where no answer has named it."""
        return self.job.handle.get("machine_url") or self.job.node.resource_url

    def _machines(self, composer: composers.Composer) -> list[str]:
        """Return the paths of the machines to be taken apart: marked, or made of the node's parts alone."""
        if self._known_machine:
            return [self._known_machine]
        plan = self.plan
        mine = frozenset(plan.resource_urls)
        found = composer.find(plan)
        return [
            each.resource_url for each in found if each.is_marked or mine >= frozenset(each.resource_urls)
        ]

    def _followed(self, driver: base.PodManagerDriver) -> float | None:
        """Return the seconds until a task of the pod manager is polled again, None where it has ended."""
        task_url = self.job.handle.get("task_url")
        if not task_url:
            return None
        try:
            outcome = driver.follow(task_url)
        except errors.ResourceGone:
            outcome = base.Outcome(base.UNKNOWN)
        except errors.PodManagerUnreachable as error:
            return self._again(error.detail)  # the task goes on without being asked
        except errors.PodManagerError:
            self.job.save(task_url=None)
            raise
        if outcome.state == base.TASK:
            return self._again("The pod manager's task has not ended.", outcome.retry_after)
        # The end of a removal may name any resource: it does not change which machine the node has.
        made = {} if self._known_machine else _made(outcome)
        self.job.save(task_url=None, **made)
        return None

    def _asked(
        self, driver: base.PodManagerDriver, what: str, request: typing.Callable[[], base.Outcome]
    ) -> float | None:
        """Send one request; return the seconds until its effect is checked, None where the effect is known."""
        try:
            outcome = request()
        except composition_errors.PodManagerBusy as error:
            if what == "compose":
                self.job.save(requests=self.job.handle["requests"] - 1)
            return self._again(error.detail, error.retry_after)
        except composition_errors.HardwareOutcomeUnknown as error:
            work_metrics.OUTCOMES_UNKNOWN.labels(self.job.step).inc()
            return self._again(error.detail)
        if outcome.state == base.TASK:
            if what != "power":
                self.job.save(task_url=outcome.task_url)
            return float(outcome.retry_after or INTERVAL)
        if what == "compose":
            self.job.save(**_made(outcome))
        return None if outcome.state == base.DONE else INTERVAL

    def _again(self, reason: str, seconds: float | None = None) -> float:
        """Return the seconds until the next poll; raise CompositionFailed after [composition] timeout."""
        step, now = self.job.step, self.job.store.now()
        since = self.job.handle.get("since") or {}
        if since.get("step") != step:
            since = {"step": step, "at": now}
            self.job.save(since=since)
        if now - since["at"] > self.job.options.timeout:
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        return min(LONGEST_PAUSE, float(seconds or INTERVAL))


#: parts that a machine is built on
BASES = ("processor", "system")


class Compose(_Hardware):
    """Make the machine of a node: the handle may have the ``zone`` of its parts."""

    names = ("verify", "reserve", "compose", "check")
    undo = ("remove", "gone")

    def verify(self) -> float | None:
        """Read the chosen parts live, and choose others where somebody took one since the last synchronization."""
        if not self.claims():
            podm_id = self.job.node.podm_id
            self.job.choose_again()
            if self.job.node.podm_id != podm_id:
                return INTERVAL  # another conductor may serve that pod manager
        with self.job.driver() as driver:
            urls = self.urls
            taken = [part for part in driver.composer().look(urls) if not part.is_free]
        if len(urls) < len(self.claims()):
            raise composition_errors.DeviceTaken(device="of a claim", reason="it is gone from the inventory")
        if not taken:
            return None
        choices = self.job.handle.get("choices", 1)
        if self.job.handle.get("is_named", True) or choices >= MOST_CHOICES:
            reason = taken[0].reason or "the pod manager says so"
            raise composition_errors.DeviceTaken(device=taken[0].resource_url, reason=reason)
        self.job.save(choices=choices + 1)
        self.job.give_back({part.resource_url: part.reason for part in taken})
        return 0.0

    def reserve(self) -> None:
        """Mark the parts as reserved, where that is offered."""
        with self.job.driver() as driver:
            driver.composer().reserve(self.urls, True)

    def compose(self) -> float | None:
        """Search for the machine, and request it if there is none."""
        with self.job.driver() as driver:
            composer = driver.composer()
            if "before" not in self.job.handle:
                self.job.save(before=composer.machines())
            if (seconds := self._followed(driver)) is not None:
                return seconds
            if self.job.handle.get("machine_url"):
                return None
            if self.job.handle.get("requests"):
                return self._find(driver, composer)
            return self._request(driver, composer)

    def check(self) -> float | None:
        """Poll until the machine consists of its parts."""
        url = self.job.handle["machine_url"]
        with self.job.driver() as driver:
            found = [each for each in driver.composer().find(self.plan) if each.resource_url == url]
        if found and found[0].state == composers.FAILED:
            raise composition_errors.CompositionFailed(url=url, reason="the pod manager says that it failed")
        if found and found[0].state == composers.COMPOSED and set(self.urls) <= set(found[0].resource_urls):
            return None
        return self._again("The machine does not list all its parts.")

    def succeeded(self) -> job.Ending:
        url = self.job.handle["machine_url"]
        attached = [store.Update(claim, {"state": "attached"}) for claim in self.claims()]
        values = {"state": node_states.COMPOSED, "error": None, "resource_url": url}
        return job.Ending(values, attached)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Give the claims back: the parts were seen to be free, or nothing was requested."""
        values = {
            "state": node_states.ERROR,
            "error": error.detail[:ERROR_LENGTH],
            "resource_url": None,
        }
        return job.Ending(values, rights.freed(self.job.store, self.job.node))

    def _find(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        """Search for the machine of an earlier request whose answer did not name it."""
        found = composer.find(self.plan)
        if len(found) > 1:
            several = ", ".join(each.resource_url for each in found)
            reason = f"several machines may be the one: {several}"
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        if found:
            self.job.save(machine_url=found[0].resource_url)
            return None
        if not all(part.is_free for part in composer.look(self.urls)):
            self.job.save(free_at=None)
            return self._again("The parts are in use, but no machine lists them.")
        if seconds := self._until_free_twice():
            return seconds
        return self._request(driver, composer)

    def _request(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        requests = self.job.handle.get("requests", 0)
        if requests >= MOST_REQUESTS:
            reason = f"{requests} requests for the machine were answered, or lost, without effect"
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        self.job.save(requests=requests + 1, free_at=None)
        try:
            seconds = self._asked(driver, "compose", lambda: composer.compose(self.plan))
        except (composition_errors.DeviceTaken, errors.PodManagerUnreachable):
            self.job.save(requests=requests)  # nothing was made, so that nothing has to be removed
            raise
        return seconds if seconds is not None or self.job.handle.get("machine_url") else INTERVAL


class Decompose(_Hardware):
    """Take the machine of a node apart; a failure is not undone, because the node is still to be removed."""

    names = ("power_off", "remove", "gone")

    def power_off(self) -> float | None:
        """Switch the machine off before it loses its parts, unless [composition] power_off_first is false."""
        url = self.job.node.resource_url
        if not url or not self.job.options.power_off_first:
            return None
        with self.job.driver() as driver:
            try:
                state = driver.machine_state(url)
            except errors.ResourceGone:
                return None
            if state.power_state in (None, "Off"):
                return None
            asked_at = self.job.handle.get("shutdown_at")
            if asked_at is None:
                self.job.save(shutdown_at=self.job.store.now())
                try:
                    return (
                        self._asked(driver, "power", lambda: driver.power(url, _shutdown(state))) or INTERVAL
                    )
                except errors.PodManagerUnreachable:
                    raise
                except errors.PodManagerError:
                    self.job.save(shutdown_at=0)  # the machine refuses a graceful shutdown
                    return 0.0
            if self.job.store.now() - asked_at > SHUTDOWN_SECONDS:
                self._asked(driver, "power", lambda: driver.power(url, "force_off"))
        return self._again("The machine does not switch itself off.")

    def may_cancel(self) -> bool:
        """Whether the hardware is unchanged: after the first request the machine may be incomplete."""
        return not {"touched", "shutdown_at", "tries"} & self.job.handle.keys()

    def succeeded(self) -> job.Ending:
        return job.Ending({}, rights.released(self.job.store, self.job.node), removes=True)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        if isinstance(error, errors.Cancelled):
            values = {"state": node_states.COMPOSED, "error": None, "goal": "present"}
            return job.Ending(values | {"handle": self.kept()})
        return self.stranded(error)


def _made(outcome: base.Outcome) -> dict[str, str]:
    """Return the fields of the handle that an outcome sets: the machine, if the pod manager names it."""
    return {"machine_url": outcome.resource_url} if outcome.resource_url else {}


def _shutdown(machine: base.MachineState) -> str:
    return "graceful_shutdown" if "graceful_shutdown" in machine.reset_types else "force_off"
