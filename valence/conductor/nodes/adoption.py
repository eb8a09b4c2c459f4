# SPDX-License-Identifier: Apache-2.0
"""Adopt a machine that exists: read it, and keep the claims that the request stored."""

import typing

from valence.common import errors
from valence.conductor.nodes import job
from valence.conductor.nodes import making
from valence.db.models import node as node_states


class Adoption(making.Making):
    """The machine is at the node's ``resource_url``, and was claimed by the commit that stored the operation."""

    names = ("read",)

    @property
    def machine_url(self) -> str:
        return typing.cast(str, self.job.node.resource_url)

    def read(self) -> None:
        """Read the machine: an inventory may name one that is gone."""
        with self.job.driver() as driver:
            driver.machine_state(self.machine_url)

    def made(self) -> job.Ending:
        return job.Ending({"state": node_states.COMPOSED, "error": None}, self.attached())

    def not_made(self, error: errors.ValenceError) -> job.Ending:
        """Give the claims back: nothing was changed on the hardware."""
        return job.Ending(self.in_error(error), self.returned())
