# SPDX-License-Identifier: Apache-2.0
"""The interface by which pod managers compose machines; drivers that support it return a ``Composer``."""

import abc
import types
import typing

from valence.common import introspection_errors
from valence.podmanagers import base

#: states of a Composed
COMPOSING, COMPOSED, FAILED = "composing", "composed", "failed"
#: state of a machine that has its hardware and waits for ``Composer.assemble``
ALLOCATED = "allocated"


class Plan(typing.NamedTuple):
    """A machine to make: for which node, and of what.

    ``resource_urls`` are the paths of its parts, the base first. ``before`` are the machines that were there before the
    first request, or None. ``may_differ`` says that the pod manager may take other parts that are equal to these.
    ``machine_url`` is the path of the machine that an answer named, None where none did. ``required`` says of parts, by
    their paths, which of "model", "architecture" and "media" other parts must have in common with them.
    ``is_allocated`` says that the machine is one that the pod manager allocates, as Intel RSD does.
    """

    node_id: str
    name: str
    resource_urls: tuple[str, ...]
    before: tuple[str, ...] | None = None
    may_differ: bool = False
    machine_url: str | None = None
    required: typing.Mapping[str, typing.Collection[str]] = types.MappingProxyType({})
    is_allocated: bool = False


class Composed(typing.NamedTuple):
    """A machine that may be the one of a Plan: its path, one of the states above, and the paths of its parts.

    ``is_marked`` means that it carries the mark of the plan's node, so that it is no other client's. ``sign`` is what
    it can be known by later, ``power_state`` Redfish's PowerState, None where it does not say that.
    """

    resource_url: str
    state: str
    resource_urls: tuple[str, ...] = ()
    is_marked: bool = False
    sign: base.Sign = base.Sign()
    power_state: str | None = None


class Part(typing.NamedTuple):
    """A part as it is now: whether it is free, else why not, and the paths of the machines that consume it.

    ``is_changing`` means that the pod manager is composing with it, for a machine that may not be there yet.
    """

    resource_url: str
    is_free: bool
    reason: str | None = None
    consumers: tuple[str, ...] = ()
    is_changing: bool = False


class Composer(abc.ABC):
    """Composes machines on one connection. Its methods raise what those of the driver raise, and in addition:

    DeviceTaken where a part is used otherwise, CompositionFailed with what the pod manager says, and
    HardwareOutcomeUnknown where a request may have arrived.
    """

    @abc.abstractmethod
    def look(self, resource_urls: typing.Sequence[str]) -> list[Part]:
        """Return the parts at these paths as they are now, in this order; one that is gone is not free."""

    @abc.abstractmethod
    def machines(self) -> list[str]:
        """Return the paths of all machines, for ``Plan.before``."""

    def nodes(self) -> list[str]:
        """Return the paths of the machines that the pod manager has allocated, for ``before`` of such a plan."""
        return []

    def reserve(self, resource_urls: typing.Sequence[str], wanted: bool) -> None:  # noqa: B027
        """Mark parts as reserved, or not any more, where the service offers that; a refusal is no failure."""

    @abc.abstractmethod
    def compose(self, plan: Plan) -> base.Outcome:
        """Request the machine, once."""

    @abc.abstractmethod
    def find(self, plan: Plan) -> list[Composed]:
        """Return the machines that may be the one of a plan; several only where nothing tells them apart.

        A machine that carries the node's mark is alone; else one that is made of exactly the plan's parts; else the one
        that an answer named. None of them was there ``before``.
        """

    @abc.abstractmethod
    def machine(
        self, machine_url: str, resource_urls: typing.Sequence[str], node_id: str | None = None
    ) -> Composed:
        """Return a machine with at least those of the parts that it has; raise ResourceGone where there is none.

        It is marked if it carries the mark of the node ``node_id``.
        """

    def assemble(self, machine_url: str) -> base.Outcome:
        """Request that a machine in the state ALLOCATED is assembled, once."""
        return base.Outcome(base.DONE)

    @abc.abstractmethod
    def attach(self, machine_url: str, resource_url: str) -> base.Outcome:
        """Request that a part is added to a machine, once."""

    @abc.abstractmethod
    def detach(self, machine_url: str, resource_url: str, *, force: bool = False) -> base.Outcome:
        """Request that a part is removed from a machine, once."""

    @abc.abstractmethod
    def decompose(self, machine_url: str, *, is_created: bool = False, force: bool = False) -> base.Outcome:
        """Request that a machine is taken apart, once; a base that exists by itself stays. Gone is gone.

        ``is_created`` says that the machine was not there before it was requested, so that it is no such base. With
        ``force`` a service that can do so goes on past what fails on the way.
        """

    @abc.abstractmethod
    def exists(self, machine_url: str, *, is_created: bool = False) -> bool:
        """Return whether a composed machine is there: in its collection, whatever its own URL answers.

        Where a base stays after ``decompose``, it counts as there while it has parts besides its own. ``is_created``
        is as there.
        """

    def media(self, resource_url: str) -> list[str]:
        """Return the paths of what has to be erased of a part: its drives, or the volumes that stand for one.

        Raise NotOffered where some of it cannot be erased, ResourceGone where there is no such part.
        """
        raise introspection_errors.NotOffered(what="erasing of drives")

    def erase(self, medium_url: str) -> base.Outcome:
        """Request that one of the ``media`` of a part is erased, once. To erase it twice does no harm."""
        raise introspection_errors.NotOffered(what="erasing of drives")

    def is_erasing(self, medium_url: str) -> bool:
        """Return whether one of the ``media`` of a part says that it is being erased."""
        return False
