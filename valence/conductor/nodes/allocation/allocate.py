# SPDX-License-Identifier: Apache-2.0
"""Make a machine that the pod manager allocates and assembles, and give it back.

The pod manager may choose another system than the claimed one. The claim follows before the machine is assembled, in
one commit: of two nodes that were given a system, or were promised it, one has it. A machine on a system that another
node has, or that is not what was requested, is removed, and the request is repeated.
"""

import functools
import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.composition import selection
from valence.conductor.inventory import losses
from valence.conductor.nodes import compose
from valence.conductor.nodes import creation
from valence.conductor.nodes import hardware
from valence.conductor.nodes.allocation import turns
from valence.db import models
from valence.db import store
from valence.podmanagers import base
from valence.podmanagers import composers


class _InTurn(compose.Machine):
    """Searches for a machine that may be known only because it was not there before.

    The handle says with ``unpinned`` whether a request has let the pod manager choose the system. If none has, a
    machine on another system is not the node's.
    """

    @property
    def _sought(self) -> composers.Plan:
        return self.plan._replace(may_differ=bool(self.job.handle.get("unpinned")))

    def _new(self, composer: composers.Composer) -> list[composers.Composed]:
        """Return the machines that no node has, and that may be the one of a request whose answer was lost."""
        found = composer.find(self._sought)
        others = turns.known(self.job.store, self.job.node) if found else ()
        return [each for each in found if each.resource_url not in others]

    def _machines(self, composer: composers.Composer) -> list[str]:
        """Return the paths of the machines to be deleted; raise CompositionFailed for one that may be another's."""
        if self._known_machine:
            return [self._known_machine]
        mine, found = frozenset(self.urls), self._new(composer)
        unproved = [
            each.resource_url
            for each in found
            if not (each.is_marked or mine >= frozenset(each.resource_urls))
        ]
        if unproved:
            reason = (
                f"{', '.join(unproved)} may have been made for the node, or by another client; delete it on the"
                " pod manager or adopt it as another node, then delete this node"
            )
            raise composition_errors.CompositionFailed(url=self.job.node.podm_id, reason=reason)
        return [each.resource_url for each in found]

    def remove(self) -> float | None:
        """Request that the machine is deleted, unless there is none."""
        if self._known_machine or self._is_untouched:
            return super().remove()
        with self.job.exclusively(turns.lease_name(self.job.node.podm_id)):
            # Its request may lead to the next machine that appears.
            if other := turns.holder(self.job.store, self.job.node):
                return self.again(f"The node {other} is being allocated.")
            return super().remove()


class Allocate(_InTurn, compose.Compose):
    """Make the machine of a node."""

    def compose(self) -> float | None:
        """Search for the machine, and request it if there is none and nobody else's request is open."""
        if self.job.handle.get("machine_url"):
            return None
        with self.job.exclusively(turns.lease_name(self.job.node.podm_id)):
            if not self.job.handle.get("requests"):
                if turns.holder(self.job.store, self.job.node):
                    return hardware.INTERVAL  # that ends by itself, at the latest after its time-out
                with self.job.driver() as driver:
                    before = driver.composer().nodes()
                self.job.save(before=before, unpinned=False, rejected=None, assemblies=0)
            elif "unpinned" not in self.job.handle:
                self.job.save(unpinned=not self.is_named)  # the commit before this field requested it
            return super().compose()

    def _request(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        """Request the claimed system; any that has as much where the pod manager takes no link to a given one."""
        try:
            return super()._request(driver, composer)
        except introspection_errors.NotOffered:
            if self.is_named or self.job.handle.get("unpinned"):
                raise
        self.job.save(unpinned=True)
        return super()._request(driver, composer)

    def check(self) -> float | None:
        """Poll until the machine stands on its system, then until it is assembled."""
        url = self.job.handle.get("machine_url")
        if url is None:
            return self._begin_again()
        with self.job.driver() as driver:
            composer = driver.composer()
            if self.job.handle.get("rejected"):
                return self._remove_rejected(driver, composer)
            try:
                machine = composer.machine(url, self.urls, self.job.node.uuid)
            except errors.ResourceGone:
                return self.again("The pod manager does not have the machine any more.")
            self._recognize(machine)
            self.job.note_power(machine.power_state)
            if machine.state == composers.COMPOSING:
                return self.again("The pod manager has not finished the machine.")
            is_broken = machine.state == composers.FAILED
            reason = (
                "the pod manager says that it failed" if is_broken else self._follow(machine.resource_urls)
            )
            if reason:
                return self._reject(machine, reason, is_broken=is_broken)
            return self._assemble(composer, url) if machine.state == composers.ALLOCATED else None

    def _recognize(self, machine: composers.Composed) -> None:
        """Store what the machine can be known by; raise MachineLost for another one at its path.

        A service may show the mark later than the node.
        """
        losses.require_same(self.job.node, machine.resource_url, machine.sign)
        sign, known = machine.sign._asdict(), self.job.handle.get("sign")
        if known is None or (machine.is_marked and sign != known):
            self.job.save(sign=sign)

    def _assemble(self, composer: composers.Composer, url: str) -> float:
        """Request that the machine is assembled, at most MOST_REQUESTS times until the step's time is over."""
        number = self.job.handle.get("assemblies", 0)
        seconds = self.again(f"The machine {url} is still Allocated after {number} requests to assemble it.")
        if number >= hardware.MOST_REQUESTS:
            return seconds
        self.job.save(assemblies=number + 1)
        try:
            request = functools.partial(composer.assemble, url)
            return self.asked(request, refused={"assemblies": number}) or min(number, hardware.INTERVAL)
        except errors.PodManagerUnreachable:
            self.job.save(assemblies=number)  # it was not sent
            raise

    def _follow(self, resource_urls: typing.Collection[str]) -> str | None:
        """Let the claim follow to the system of the machine; return why that cannot be, None where it is done."""
        if set(resource_urls) == set(self.urls):
            return None
        systems = ", ".join(resource_urls)
        if self.is_named:
            return f"it stands on {systems}, not on the system that was named"
        try:
            is_enough = self.job.exchange(resource_urls)
        except (composition_errors.DeviceTaken, composition_errors.CompositionFailed) as error:
            return error.detail
        return None if is_enough else f"it stands on {systems}, which is not what was requested"

    def _reject(self, machine: composers.Composed, reason: str, *, is_broken: bool = False) -> float:
        """Store that the machine is of no use, and what it is; a system that is broken is not chosen again."""
        self.job.save(
            rejected={
                "url": machine.resource_url,
                "reason": reason,
                "is_broken": is_broken,
                "is_marked": machine.is_marked,
                "resource_urls": list(machine.resource_urls),
            }
        )
        return 0.0

    def _remove_rejected(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        """Remove the machine, then go back to choose a system again, at most twice."""
        rejected, url = self.job.handle["rejected"], self.job.handle["machine_url"]
        if (seconds := self.followed(driver, self._ended)) is not None:
            return seconds
        if self._is_rejected(composer, url):
            seconds = self._decompose(composer, url)
            return hardware.INTERVAL if seconds is None else seconds
        # In one commit: the next machine at the path is not the node's, and nothing is left of this choice.
        self.job.save(
            rejected={"url": url} | rejected,
            choices=self.job.handle.get("choices", 1) + 1,
            **dict.fromkeys(("machine_url", "before", "free_at", "since", "sign")),
            **dict.fromkeys(("requests", "removals", "assemblies"), 0),
        )
        return self._begin_again()

    def _is_rejected(self, composer: composers.Composer, url: str) -> bool:
        """Return whether the machine at a path is the rejected one: services give the path to another one later."""
        rejected = self.job.handle["rejected"]
        if not self._is_there(composer, url):
            return False
        try:
            machine = composer.machine(url, self.urls, self.job.node.uuid)
        except errors.ResourceGone:
            return True  # it is listed all the same
        if "resource_urls" not in rejected:
            return True  # stored by the commit before these fields
        if rejected["is_marked"] or machine.is_marked:
            return machine.is_marked
        return set(machine.resource_urls) == set(rejected["resource_urls"])

    def _begin_again(self) -> float:
        """Go back to choose a system after a rejected machine was seen to be gone, at most twice; then raise why."""
        rejected = self.job.handle.get("rejected") or {"is_broken": False}
        if "url" in rejected and (self.is_named or self.job.handle["choices"] > hardware.MOST_CHOICES):
            raise composition_errors.CompositionFailed(url=rejected["url"], reason=rejected["reason"])
        taken = dict.fromkeys(self.urls, rejected["reason"]) if rejected["is_broken"] else {}
        self.job.give_back(taken)
        self.job.go_back("verify")
        return 0.0

    def _choose_again(self) -> None:
        self.job.choose_again(_choose_system)

    def _find(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        """Search for the machine of an earlier request whose answer did not name it."""
        for url in self._one([each.resource_url for each in self._new(composer)]):
            self.job.save(machine_url=url)
            return None
        if not all(part.is_free for part in composer.look(self.urls)):
            self.job.save(free_at=None)
            return self.again("The system is in use, but by no machine that may be the node's.")
        if seconds := self.until_free_twice():
            return seconds
        return self._request(driver, composer)


class Release(_InTurn, compose.Decompose):
    """Give the machine of a node back to its pod manager."""


def _choose_system(database: store.Store, node: models.Node, lease: store.Lease) -> models.Node:
    """Choose and claim another system of the pod manager of a node."""
    among = selection.Among(node.podm_id, node.handle["request"].get("zone_id"), only_systems=True)
    return creation.choose_again(database, node, lease, among)
