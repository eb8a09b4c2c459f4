# SPDX-License-Identifier: Apache-2.0
"""Machines that exist by themselves, and get resource blocks besides their own (expandable systems, DSP2050).

The base block of a plan contains the machine, or is listed by it alone. Composing adds the other blocks of the plan to
the machine's list; taking apart removes all of them but the base. The machine keeps its name and its description, so it
is known by its base block. Valence sends the base first; it stands for the base of a list where no block contains the
machine.
"""

import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers import composers
from valence.podmanagers.redfish.composition import blocks
from valence.podmanagers.redfish.composition import membership
from valence.podmanagers.redfish.crawl import properties

#: value of SystemType of machines that are made of blocks as a whole
_COMPOSED = "Composed"
_USERS = ("Links", "ComputerSystems")


class Expand(blocks.Blocks):
    """Adds blocks to machines on one connection, below the service root ``root``."""

    def machine_of(self, base_url: str) -> str | None:
        """Return the path of the machine that a base block belongs to, None where a block is no such base."""
        return self._machine_in(self._read(base_url), base_url)

    def is_base(self, machine_url: str) -> bool:
        """Return whether a machine exists by itself and has a list of blocks, one of which knows the machine.

        Some services do not say that a machine is composed, and their blocks never name one.
        """
        return any(self._knows(url, machine_url) for url in self._listed(self._machine(machine_url)))

    def compose(self, plan: composers.Plan) -> base.Outcome:
        machine_url = self.machine_of(plan.resource_urls[0])
        if machine_url is None:
            raise introspection_errors.NotOffered(what="composition")
        others = self._added(machine_url, self._listed(self._machine(machine_url)))
        if foreign := [url for url in others if url not in plan.resource_urls]:
            reason = f"{machine_url} has {', '.join(foreign)} already"
            raise composition_errors.DeviceTaken(device=plan.resource_urls[0], reason=reason)
        return self._change(machine_url, added=plan.resource_urls[1:])

    def find(self, plan: composers.Plan) -> list[composers.Composed]:
        """Return the machine of the plan's base where it has a block of the plan, or the plan has no other blocks."""
        machine_url = self.machine_of(plan.resource_urls[0])
        if machine_url is None:
            return []
        parts = {url: self._read(url) for url in plan.resource_urls}
        found = self._composed(machine_url, self._machine(machine_url), parts)
        others = set(plan.resource_urls[1:])
        return [found] if not others or others & set(found.resource_urls) else []

    def decompose(self, machine_url: str, *, is_created: bool = False, force: bool = False) -> base.Outcome:
        added = self._added(machine_url, self._listed(self._machine(machine_url)))
        if not added:
            return base.Outcome(base.DONE)
        try:
            return self._change(machine_url, removed=added)
        except errors.ResourceGone:
            return base.Outcome(base.DONE)

    def exists(self, machine_url: str, *, is_created: bool = False) -> bool:
        return len(self._listed(self._machine(machine_url))) > 1

    def _consumers(self, document: dict[str, typing.Any]) -> tuple[str, ...]:
        """Return the machines that use a block; a base is used by its machine while this has other blocks."""
        url = self._connection.paths.link(properties.reference(document))
        users = tuple(self._paths(properties.at(document, _USERS)))
        machine = self._machine_in(document, url) if url else None
        if machine is None:
            return super()._consumers(document)
        others = tuple(each for each in users if each != machine)
        return (machine, *others) if self.exists(machine) else others

    def _machine_in(self, document: dict[str, typing.Any], url: str) -> str | None:
        """Return the machine of a base block: the one in it, else the only one that lists it as its base."""
        for place in (("ComputerSystems",), _USERS):
            machines = self._paths(properties.at(document, place))
            if len(machines) != 1:
                continue
            listed = self._listed(self._machine(machines[0]))
            if url in listed and url not in self._added(machines[0], listed):
                return machines[0]
        return None

    def _added(self, machine_url: str, listed: tuple[str, ...]) -> tuple[str, ...]:
        """Return the blocks of a list that are not the machine's own."""
        own = next(
            (url for url in listed if machine_url in self._contents(url)), listed[0] if listed else None
        )
        return tuple(url for url in listed if url != own)

    def _knows(self, url: str, machine_url: str) -> bool:
        """Return whether a block contains a machine, or names it as its user."""
        document = self._read(url)
        return any(
            machine_url in self._paths(properties.at(document, place))
            for place in (("ComputerSystems",), _USERS)
        )

    def _contents(self, url: str) -> list[str]:
        return self._paths(self._read(url).get("ComputerSystems"))

    def _listed(self, machine: dict[str, typing.Any]) -> tuple[str, ...]:
        """Return the blocks that a machine lists, none where it is composed of them as a whole."""
        if machine.get("SystemType") == _COMPOSED or blocks.is_created(machine):
            return ()
        return membership.listed(self._connection, machine) or ()

    def _machine(self, url: str) -> dict[str, typing.Any]:
        """Return the document of a machine, an empty one where it is gone; raise where it cannot be read."""
        try:
            return self._connection.get(url).content
        except errors.ResourceGone:
            return {}
