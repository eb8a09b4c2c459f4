# SPDX-License-Identifier: Apache-2.0
"""The operations on a node that make one change of its machine: power and boot."""

import typing

from valence.common import errors
from valence.conductor.nodes import job
from valence.conductor.nodes import machine
from valence.db.models import node as node_states


class _Action(job.Steps):
    """One change of the machine: request it unless it has been done, then poll until it is done."""

    names = ("act", "confirm")
    #: the key of ``machine.KINDS``, under which the handle has what is wanted
    kind: typing.ClassVar[str]

    def __init__(self, one: job.Job) -> None:
        super().__init__(one)
        url = typing.cast(str, one.node.resource_url)
        self._change = machine.KINDS[self.kind](one, url, one.handle[self.kind])

    def act(self) -> float | None:
        """Request the change, unless it is done already."""
        return self._change.act()

    def confirm(self) -> float | None:
        """Poll until the change is done, or for [composition] power_timeout."""
        return self._change.confirm()

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that stops answering after the request."""
        is_waiting = self.job.step == "confirm" and self._change.is_patient(error)
        return machine.INTERVAL if is_waiting else None

    def succeeded(self) -> job.Ending:
        return super().succeeded()._replace(result=self._change.result)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Return the node to where it was: its hardware is still its own."""
        return job.Ending({"state": node_states.COMPOSED, "error": None})


class Power(_Action):
    """Reset the machine."""

    kind = "power"


class Boot(_Action):
    """Choose what the machine boots from."""

    kind = "boot"
