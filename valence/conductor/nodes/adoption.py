# SPDX-License-Identifier: Apache-2.0
"""Adopt a machine that exists: read it, and keep the claims that the request stored.

A node that was to be composed adopts a whole system, too, where the chosen blocks were taken meanwhile.

The request claims the resource that it names. A node of Intel RSD stands on a system, which only the pod manager knows:
its claim is exchanged for those of that system and of the drives that are attached to it, as soon as it was read. It
may be the machine of a node that is being composed, whose row does not name it yet: that is looked at first, while
nobody else allocates.
"""

import typing

from valence.common import composition_errors
from valence.common import errors
from valence.conductor.nodes import hardware
from valence.conductor.nodes import job
from valence.conductor.nodes import making
from valence.conductor.nodes import rights
from valence.conductor.nodes.allocation import turns
from valence.db.models.node import COMPOSED
from valence.podmanagers import composers

#: why a machine that the pod manager has allocated is not adopted, by its state
_UNFIT = {
    composers.FAILED: "its ComposedNodeState is Failed",
    composers.COMPOSING: "the pod manager has not finished it; adopt it once its ComposedNodeState is Assembled",
    composers.ALLOCATED: "it is Allocated; assemble it on the pod manager, then adopt it",
}


class Adoption(making.Making):
    """The machine is at the node's ``resource_url``, and was claimed by the commit that stored the operation."""

    names = ("read",)

    @property
    def machine_url(self) -> str:
        return typing.cast(str, self.job.node.resource_url or self.job.handle.get("machine_url"))

    def read(self) -> float | None:
        """Read the machine: an inventory may name one that is gone."""
        with self.job.driver() as driver:
            self.job.note_power(driver.machine_state(self.machine_url).power_state)
            if self.job.node.kind != turns.ALLOCATED:
                return None
            machine = driver.composer().machine(self.machine_url, ())
        self.job.save(sign=machine.sign._asdict())
        if reason := _UNFIT.get(machine.state):
            raise composition_errors.CompositionFailed(
                url=self.job.node.podm_id, reason=f"{self.machine_url} cannot be adopted, {reason}"
            )
        with self.job.exclusively(turns.lease_name(self.job.node.podm_id)):
            if turns.holder(self.job.store, self.job.node):
                return hardware.INTERVAL  # its request may have made this machine; that ends by itself
            turns.require_unknown(self.job.store, self.job.node, self.machine_url)
            if changes := rights.standing(self.job.store, self.job.node, machine.resource_urls):
                self.job.claim(*changes, adds=True)
        return None

    def made(self) -> job.Ending:
        values = {"state": COMPOSED, "error": None, "resource_url": self.machine_url}
        return job.Ending(values, self.attached())

    def not_made(self, error: errors.ValenceError) -> job.Ending:
        """Give the claims back: nothing was changed on the hardware."""
        return job.Ending(self.in_error(error), self.returned())
