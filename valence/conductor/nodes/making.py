# SPDX-License-Identifier: Apache-2.0
"""What the operations that give a node its machine share: the boot and power that the request asks for.

These are the last steps. The machine is whole before them: if they fail, or are cancelled, the operation says so, and
the node keeps its machine, as after a power action that fails.
"""

import abc
import typing

from valence.common import errors
from valence.conductor.nodes import hardware
from valence.conductor.nodes import job
from valence.conductor.nodes import machine
from valence.conductor.nodes import rights
from valence.db import store
from valence.db.models.node import ERROR
from valence.db.models.node import ERROR_LENGTH


class Making(job.Steps):
    """Steps that make a machine; the handle may have the ``request``, see ``nodes.creation``."""

    def __init__(self, one: job.Job) -> None:
        super().__init__(one)
        #: what the request said beyond its requirements, None for the adoption of a machine that was named
        self.requested: dict[str, typing.Any] | None = one.handle.get("request")
        self._changes = tuple(name for name in machine.KINDS if name in (self.requested or {}))
        self.names = (*self.names, *self._changes)

    @property
    def is_named(self) -> bool:
        """Whether the request names its devices, so that no others are chosen."""
        return self.requested is None or "resources" in self.requested

    @property
    @abc.abstractmethod
    def machine_url(self) -> str:
        """The path of the machine, once there is one."""

    @abc.abstractmethod
    def made(self) -> job.Ending:
        """Return what it means for the node that its machine is there."""

    @abc.abstractmethod
    def not_made(self, error: errors.ValenceError) -> job.Ending:
        """Return what it means for the node that its machine could not be made, after the steps of ``undo``."""

    def boot(self) -> float | None:
        """Choose what the machine boots from."""
        return self._change("boot").make()

    def power(self) -> float | None:
        """Switch the machine on or off, or restart it."""
        return self._change("power").make()

    def is_undone(self) -> bool:
        return super().is_undone() and not self._is_made

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that does not answer while the machine is changed."""
        if not self._is_made:
            return super().pause(error)
        return hardware.INTERVAL if self._change(self.job.step).is_patient(error) else None

    def succeeded(self) -> job.Ending:
        results = {self._change(name).result for name in self._changes} - {"complete"}
        return self.made()._replace(result=results.pop() if results else "complete")

    def failed(self, error: errors.ValenceError) -> job.Ending:
        return self.made() if self._is_made else self.not_made(error)

    def in_error(self, error: errors.ValenceError) -> dict[str, typing.Any]:
        """Return the values of a node without a machine; it keeps the request, so that it can be made again."""
        kept: dict[str, typing.Any] = {} if self.requested is None else {"request": self.requested}
        kept["sign"] = None  # the next machine has another one
        return {"state": ERROR, "error": error.detail[:ERROR_LENGTH], "handle": kept}

    def attached(self) -> list[store.Change]:
        """Return the changes that note the claims of the node as attached."""
        mine = self.job.claims()
        return [store.Update(claim, {"state": "attached"}) for claim in mine]

    def returned(self) -> list[store.Change]:
        """Return the changes that give the devices of the node back."""
        return rights.freed(self.job.store, self.job.node)

    @property
    def _is_made(self) -> bool:
        """Whether the machine is whole."""
        return self.job.step in self._changes

    def _change(self, name: str) -> machine.Change[typing.Any]:
        wanted = (self.requested or {})[name]
        return machine.KINDS[name](self.job, self.machine_url, wanted, place=f"{name}_progress")
