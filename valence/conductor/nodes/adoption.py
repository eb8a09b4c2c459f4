# SPDX-License-Identifier: Apache-2.0
"""Adopt a machine that exists: read it, and keep the claims that the request stored."""

from valence.common import errors
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.db import store
from valence.db.models import node as node_states
from valence.db.models.node import ERROR_LENGTH


class Adoption(job.Steps):
    """The machine is at the node's ``resource_url``, and was claimed by the commit that stored the operation."""

    names = ("read",)

    def read(self) -> None:
        """Read the machine: an inventory may name one that is gone."""
        with self.job.driver() as driver:
            driver.machine_state(self.job.node.resource_url)

    def succeeded(self) -> job.Ending:
        mine = rights.claims(self.job.store, self.job.node)
        attached = [store.Update(claim, {"state": "attached"}) for claim in mine]
        return super().succeeded()._replace(changes=attached)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Give the claims back: nothing was changed on the hardware."""
        values = {"state": node_states.ERROR, "error": error.detail[:ERROR_LENGTH]}
        return job.Ending(values, rights.freed(self.job.store, self.job.node))
