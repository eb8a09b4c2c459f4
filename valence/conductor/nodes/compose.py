# SPDX-License-Identifier: Apache-2.0
"""Compose a machine of claimed parts, and take one apart again.

The claims were stored with the node. A request whose answer was lost is never repeated before the pod manager was seen
to have no such machine, and its parts were seen to be free twice. Claims end only when the parts were seen to be free.
"""

import functools
import typing

from oslo_log import log

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.inventory import losses
from valence.conductor.nodes import exchange
from valence.conductor.nodes import hardware
from valence.conductor.nodes import job
from valence.conductor.nodes import making
from valence.conductor.nodes import rights
from valence.conductor.nodes.devices import erasing
from valence.db.models.node import COMPOSED
from valence.podmanagers import base
from valence.podmanagers import composers

LOG = log.getLogger(__name__)


class Machine(hardware.Hardware):
    """The steps that composing and taking apart share: remove a machine, and wait until its parts are free."""

    def remove(self) -> float | None:
        """Request that the machine is taken apart, unless there is none."""
        if self._is_untouched:
            return None
        with self.job.driver() as driver:
            composer = driver.composer()
            if (seconds := self.followed(driver, self._ended)) is not None:
                return seconds
            for url in self._one(self._machines(composer)):
                if self._is_there(composer, url):
                    return self._decompose(composer, url)
        return None

    def _decompose(self, composer: composers.Composer, url: str) -> float | None:
        number = self.job.handle.get("removals", 0)
        if number >= hardware.MOST_REQUESTS:
            return self.again(
                f"{number} requests to remove the machine were accepted, or lost, and it is still there."
            )
        self.job.save(removals=number + 1)
        try:
            request = functools.partial(
                composer.decompose,
                url,
                is_created=self._is_created(url),
                force=bool(self.job.handle.get("force")),
            )
            return self.asked(request, refused={"removals": number})
        except errors.PodManagerUnreachable:
            self.job.save(removals=number)  # it was not sent
            raise

    def gone(self) -> float | None:
        """Poll until the machine is gone and its parts are free."""
        if self._is_untouched:
            self._unreserve()
            return None
        with self.job.driver() as driver:
            composer = driver.composer()
            machines = self._one(self._machines(composer))
            if any(self._is_there(composer, url) for url in machines):
                return self.again(
                    "The pod manager accepted the removal of the machine, which is still there."
                )
            looked = composer.look(self.urls)
            busy = [part for part in looked if part.is_changing or self._is_used(part)]
            if busy and self._is_anothers(composer):
                rights.note_taken(
                    self.job.store, self.job.node, {part.resource_url: part.reason for part in busy}
                )
            elif busy:
                self.job.save(free_at=None)
                return self.again(f"{busy[0].resource_url} is not free: {busy[0].reason}")
            if not self._known_machine and (seconds := self.until_free_twice()):
                return seconds
            composer.reserve([part.resource_url for part in looked if part not in busy], False)
        # They can be had at once: the next synchronization may take a while.
        self.note_free(looked)
        return None

    def _unreserve(self) -> None:
        """Clear the marks of a reservation for a machine that was not requested; a failure strands no node."""
        if not self.job.has_step("reserve"):
            return
        try:
            with self.job.driver() as driver:
                driver.composer().reserve(self.urls, False)
        except errors.ConnectionClosed:
            raise  # it is done by the next connection
        except (errors.PodManagerError, introspection_errors.NotOffered) as error:
            LOG.warning("node %s: its parts stay reserved: %s", self.job.node.uuid, error.detail)

    def _is_used(self, part: composers.Part) -> bool:
        """Return whether the node's machine may use a part; who has it after a known machine is no matter."""
        url = self._known_machine
        return url in part.consumers if url else not part.is_free and bool(part.consumers)

    def is_own(self, composer: composers.Composer, url: str) -> bool:
        """Return whether a machine may be the node's: services give the path of one that is gone to the next one.

        That is another's which carries another mark than the node's machine, or lists parts, none of them the node's.
        """
        urls, node = self.urls, self.job.node
        try:
            machine = composer.machine(url, urls, node.uuid)
        except errors.ResourceGone:
            return True  # it is listed all the same
        if losses.is_another(node, machine.sign):
            return False
        # The machine itself is claimed where an adoption did not find its system in the inventory.
        if machine.is_marked or not machine.resource_urls or {*urls} & {url, *machine.resource_urls}:
            return True
        # The paths of parts that are gone from the inventory are not known, nor parts that a pod manager has chosen.
        is_told = node.resource_url or not exchange.is_chosen(self.job.store, node)
        return len(urls) < len(self.claims()) or not is_told

    def _is_anothers(self, composer: composers.Composer) -> bool:
        """Return whether there is another client's machine at the path of the node's, so that its parts are no matter.

        Whether it is there was looked at before.
        """
        url = self._known_machine
        return url is not None and self._exists(composer, url) and not self.is_own(composer, url)

    def _one(self, machines: list[str]) -> list[str]:
        """Return the machines that may be the node's, at most one; raise CompositionFailed where there are several."""
        if len(machines) > 1:
            reason = f"several machines may be the one: {', '.join(machines)}"
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        return machines

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that does not answer, once there may be something to be found or removed."""
        if self._is_untouched or not isinstance(error, errors.PodManagerUnreachable):
            return None
        return self.again(error.detail)

    @property
    def plan(self) -> composers.Plan:
        """The machine that is made, or was."""
        handle, node = self.job.handle, self.job.node
        before = handle.get("before")
        return composers.Plan(
            node.uuid,
            node.name,
            self.urls,
            None if before is None else tuple(before),
            machine_url=self._known_machine,
            is_allocated=node.kind == "allocated",
        )

    @property
    def _is_untouched(self) -> bool:
        """Whether no request for the machine can have left this or another conductor."""
        return not self.job.handle.get("requests") and not self.job.node.resource_url

    @property
    def _known_machine(self) -> str | None:
        """The path of the node's machine, None where no answer has named it."""
        return self.job.handle.get("machine_url") or self.job.node.resource_url

    def _is_there(self, composer: composers.Composer, url: str) -> bool:
        """Return whether there is a machine at a path which may be the node's."""
        return self._exists(composer, url) and self.is_own(composer, url)

    def _exists(self, composer: composers.Composer, url: str) -> bool:
        return composer.exists(url, is_created=self._is_created(url))

    def _is_created(self, machine_url: str) -> bool:
        """Return whether a machine of the node was not there before it was requested; False where nobody knows."""
        handle = self.job.handle
        before = handle.get("before")
        return bool(handle.get("created")) or (before is not None and machine_url not in before)

    def _ended(self, outcome: base.Outcome) -> dict[str, typing.Any]:
        """Return the fields of the handle that the end of a task sets.

        The end of a removal may name any resource: it does not change which machine the node has.
        """
        return {} if self._known_machine else _made(outcome)

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


class Compose(making.Making, Machine):
    """Make the machine of a node."""

    names = ("verify", "reserve", "compose", "check")
    undo = ("remove", "gone")
    #: what the machine can be known by, None where another conductor has read it, or the handle has it
    _sign: base.Sign | None = None

    def verify(self) -> float | None:
        """Read the chosen parts live, and choose others where somebody took one since the last synchronization."""
        if not self.claims():
            before = self.job.node
            self._choose_again()
            if self.job.node.kind != before.kind:
                return 0.0  # a whole system, which is adopted
            if self.job.node.podm_id != before.podm_id:
                return hardware.INTERVAL  # another conductor may serve that pod manager
        self.require_paths()
        with self.job.driver() as driver:
            taken = [part for part in driver.composer().look(self.urls) if not part.is_free]
        if not taken:
            return None
        reason = taken[0].reason or "the pod manager says so"
        self._count_choice(composition_errors.DeviceTaken(device=taken[0].resource_url, reason=reason))
        self.job.give_back({part.resource_url: part.reason for part in taken})
        return 0.0

    def _choose_again(self) -> None:
        self.job.choose_again()

    def _count_choice(self, error: errors.ValenceError) -> None:
        """Count that other parts are chosen; raise the error where that is not wanted, or was done too often."""
        choices = self.job.handle.get("choices", 1)
        if self.is_named or choices >= hardware.MOST_CHOICES:
            raise error
        self.job.save(choices=choices + 1, before=None)

    def reserve(self) -> None:
        """Mark the parts as reserved, where that is offered."""
        with self.job.driver() as driver:
            driver.composer().reserve(self.urls, True)

    def compose(self) -> float | None:
        """Search for the machine, and request it if there is none."""
        with self.job.driver() as driver:
            composer = driver.composer()
            if self.job.handle.get("before") is None:
                self.job.save(before=composer.machines())
            if (seconds := self.followed(driver, self._ended)) is not None:
                return seconds
            if self.job.handle.get("machine_url"):
                return None
            if self.job.handle.get("requests"):
                return self._find(driver, composer)
            return self._request(driver, composer)

    def check(self) -> float | None:
        """Poll until the machine consists of its parts."""
        url, plan = self.job.handle["machine_url"], self._sought
        with self.job.driver() as driver:
            found = [each for each in driver.composer().find(plan) if each.resource_url == url]
        if found:
            losses.require_same(self.job.node, url, found[0].sign)
            self._sign = found[0].sign
            self.job.note_power(found[0].power_state)
        if found and found[0].state == composers.FAILED:
            raise composition_errors.CompositionFailed(url=url, reason="the pod manager says that it failed")
        is_ready = found and found[0].state == composers.COMPOSED
        if is_ready and self._is_whole(plan, found[0].resource_urls):
            return None
        wanted = "what was requested" if plan.may_differ else "its parts"
        return self.again(f"The machine does not list all of {wanted}.")

    def _is_whole(self, plan: composers.Plan, resource_urls: typing.Collection[str]) -> bool:
        """Return whether parts are those of the node.

        Parts that a pod manager chose are compared even if the claimed ones are among them: there may be more.
        """
        has_claimed = set(plan.resource_urls) <= set(resource_urls)
        return self.job.exchange(resource_urls) if plan.may_differ else has_claimed

    @property
    def machine_url(self) -> str:
        return typing.cast(str, self.job.handle["machine_url"])

    def made(self) -> job.Ending:
        values = {"state": COMPOSED, "error": None, "resource_url": self.machine_url}
        handle: dict[str, typing.Any] = {"created": True} if self._is_created(self.machine_url) else {}
        if self._sign is not None:
            handle["sign"] = self._sign._asdict()
        return job.Ending(values | {"handle": handle}, self.attached())

    def not_made(self, error: errors.ValenceError) -> job.Ending:
        """Give the claims back: the parts were seen to be free, or nothing was requested."""
        return job.Ending(self.in_error(error) | {"resource_url": None}, self.returned())

    @property
    def _requested(self) -> composers.Plan:
        """The machine that is requested."""
        plan = self._sought
        return plan._replace(required=self._common()) if plan.may_differ else plan

    @property
    def _sought(self) -> composers.Plan:
        """The machine that is searched for: what is required of its parts matters to the request only."""
        may_differ = not self.is_named and exchange.is_chosen(self.job.store, self.job.node)
        return self.plan._replace(may_differ=may_differ)

    def _common(self) -> dict[str, tuple[str, ...]]:
        """Return what other parts must have in common with those that are claimed, by the paths of these."""
        required = exchange.required(self.job.node, self.claims())
        paths = self.paths(list(required))
        return {paths[uuid]: names for uuid, names in required.items() if uuid in paths}

    def _find(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        """Search for the machine of an earlier request whose answer did not name it."""
        plan = self._sought
        found = composer.find(plan)
        if len(found) > 1:
            several = ", ".join(each.resource_url for each in found)
            reason = f"several machines may be the one: {several}"
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        if found:
            self.job.save(machine_url=found[0].resource_url)
            return None
        if plan.may_differ:
            # That these parts are free says nothing of a request that may take others.
            return self.again("No machine carries the mark of the node.")
        if not all(part.is_free for part in composer.look(self.urls)):
            self.job.save(free_at=None)
            return self.again("The parts are in use, but no machine lists them.")
        if seconds := self.until_free_twice():
            return seconds
        return self._request(driver, composer)

    def _taken(self, composer: composers.Composer, error: composition_errors.DeviceTaken) -> float:
        """Go back to choose other parts: somebody took one after it was verified."""
        self._count_choice(error)
        urls = self.urls
        looked = composer.look(urls)
        taken = {part.resource_url: part.reason for part in looked if not part.is_free}
        composer.reserve([part.resource_url for part in looked if part.is_free], False)
        self.job.go_back("verify")
        self.job.give_back(taken or dict.fromkeys(urls, error.detail))
        return 0.0

    def _request(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        requests = self.job.handle.get("requests", 0)
        if requests >= hardware.MOST_REQUESTS:
            reason = f"{requests} requests for the machine were answered, or lost, without effect"
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        plan = self._requested  # read before the request counts: if the store fails here, nothing was sent
        self.job.save(requests=requests + 1, free_at=None)
        try:
            request = functools.partial(composer.compose, plan)
            seconds = self.asked(request, refused={"requests": requests}, ended=_made)
        except composition_errors.DeviceTaken as error:
            self.job.save(requests=requests)  # nothing was made, so that nothing has to be removed
            if requests:
                raise
            return self._taken(composer, error)
        except (introspection_errors.NotOffered, errors.PodManagerUnreachable):
            self.job.save(requests=requests)
            raise
        return seconds if seconds is not None or self.job.handle.get("machine_url") else hardware.INTERVAL


class Decompose(Machine):
    """Take the machine of a node apart; a failure is not undone, because the node is still to be removed."""

    names = ("power_off", "erase", "remove", "gone")

    def power_off(self) -> float | None:
        """Switch the machine off before it loses its parts, unless [composition] power_off_first is false.

        A machine whose drives are erased is switched off in any case.
        """
        if not self.job.options.power_off_first and not self._is_erased:
            return None
        url = self._own_machine
        return None if url is None else self.switched_off(url)

    def erase(self) -> float | None:
        """Erase the storage devices, where the site or the request wants it."""
        return self._erasure.make(self._own_machine) if self._is_erased else None

    @property
    def _own_machine(self) -> str | None:
        """The path of the node's machine, None where there is none, or that of another client at its path."""
        url: str | None = self.job.node.resource_url
        if not url:
            return None
        with self.job.driver() as driver:
            return url if self.is_own(driver.composer(), url) else None

    @property
    def _is_erased(self) -> bool:
        return self._erasure.is_wanted(bool(self.job.handle.get("erase")))

    @property
    def _erasure(self) -> erasing.Erasure:
        return erasing.Erasure(self, self.claims())

    def may_cancel(self) -> bool:
        """Whether the hardware is unchanged: after the first request the machine may be incomplete."""
        handle = self.job.handle
        if handle.get("removals") or handle.get("shutdown_at") is not None or self._erasure.is_begun:
            return False
        return "tries" not in handle

    def succeeded(self) -> job.Ending:
        erasure = self._erasure
        released = rights.released(self.job.store, self.job.node, erasure.values())
        return job.Ending({}, released, erasure.result, removes=True)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        if isinstance(error, errors.Cancelled):
            values = {"state": COMPOSED, "error": None, "goal": "present"}
            # The next request says for itself whether it forces, and erases.
            return job.Ending(values | {"handle": self.kept(job.IDENTITY)})
        return self.stranded(error)


def _made(outcome: base.Outcome) -> dict[str, str]:
    """Return the fields of the handle that an outcome sets: the machine, if the pod manager names it."""
    return {"machine_url": outcome.resource_url} if outcome.resource_url else {}
