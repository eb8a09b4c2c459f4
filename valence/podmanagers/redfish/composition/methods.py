# SPDX-License-Identifier: Apache-2.0
"""Chooses how a Redfish service composes, by what it offers and never by its version.

The choice is made for each plan and each machine, because a service may offer several methods. A machine that exists by
itself and lists resource blocks is expanded; one that was not there before Valence requested it is no such machine,
whatever it says. All others are created: by a POST to the collection of systems where that
or a zone has the capability, by the action Compose of the composition service, or last by a POST for which the service
chooses the blocks. A method that the service announces and then does not offer leads to the next one.

Nodes of Intel RSD are another kind of machine, of systems instead of blocks: a path says which of the two is meant.
"""

import functools
import itertools
import typing

from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers import composers
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish.composition import allocate
from valence.podmanagers.redfish.composition import blocks
from valence.podmanagers.redfish.composition import constrained
from valence.podmanagers.redfish.composition import expand
from valence.podmanagers.redfish.composition import manifest
from valence.podmanagers.redfish.composition import media
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import measures
from valence.podmanagers.redfish.crawl import properties


class Methods(composers.Composer):
    """Composes on one connection, below the service root ``root``; raise NotOffered where nothing is composed."""

    def __init__(self, connection: connections.Connection, root: dict[str, typing.Any]) -> None:
        self._connection, self._root = connection, root
        self._media = media.Media(connection)
        self._nodes = allocate.nodes_path(connection, root)
        if self._nodes is None:
            _ = self._expand  # raises NotOffered
        elif not self._has_blocks:
            self._allocate.require_offered()

    @functools.cached_property
    def _expand(self) -> expand.Expand:
        return expand.Expand(self._connection, self._root)

    @functools.cached_property
    def _allocate(self) -> allocate.Allocate:
        if self._nodes is None:
            raise introspection_errors.NotOffered(what="allocation of nodes")
        return allocate.Allocate(self._connection, self._nodes)

    def look(self, resource_urls: typing.Sequence[str]) -> list[composers.Part]:
        if not resource_urls:
            return []
        are_blocks = self._nodes is None or any(map(self._is_block, resource_urls))
        return (self._expand if are_blocks else self._allocate).look(resource_urls)

    def machines(self) -> list[str]:
        return self._expand.machines()

    def nodes(self) -> list[str]:
        return self._allocate.machines()

    def reserve(self, resource_urls: typing.Sequence[str], wanted: bool) -> None:
        if self._has_blocks:
            self._expand.reserve(resource_urls, wanted)

    def compose(self, plan: composers.Plan) -> base.Outcome:
        return _first_offered(self._for_plan(plan), lambda each: each.compose(plan))

    def find(self, plan: composers.Plan) -> list[composers.Composed]:
        if plan.is_allocated:
            return self._allocate.find(plan)
        base_machine = plan.resource_urls and self._expand.machine_of(plan.resource_urls[0])
        is_base = base_machine and not self._is_new(base_machine, plan)
        # The last method to create machines finds those of the others too.
        return (self._expand.find(plan) if is_base else []) or self._creating[-1].find(plan)

    def machine(
        self, machine_url: str, resource_urls: typing.Sequence[str], node_id: str | None = None
    ) -> composers.Composed:
        composing = self._allocate if self._is_node(machine_url) else self._expand
        return composing.machine(machine_url, resource_urls, node_id)

    def assemble(self, machine_url: str) -> base.Outcome:
        return self._for_machine(machine_url)[0].assemble(machine_url)

    def attach(self, machine_url: str, resource_url: str) -> base.Outcome:
        return self._for_machine(machine_url)[0].attach(machine_url, resource_url)

    def detach(self, machine_url: str, resource_url: str, *, force: bool = False) -> base.Outcome:
        return self._for_machine(machine_url)[0].detach(machine_url, resource_url, force=force)

    def decompose(self, machine_url: str, *, is_created: bool = False, force: bool = False) -> base.Outcome:
        return _first_offered(
            self._removing(machine_url, is_created), lambda each: each.decompose(machine_url, force=force)
        )

    def exists(self, machine_url: str, *, is_created: bool = False) -> bool:
        return self._for_machine(machine_url, is_created)[0].exists(machine_url)

    def media(self, resource_url: str) -> list[str]:
        return self._media.of_part(resource_url)

    def erase(self, medium_url: str) -> base.Outcome:
        return self._media.erase(medium_url)

    def is_erasing(self, medium_url: str) -> bool:
        return self._media.is_erasing(medium_url)

    @functools.cached_property
    def _creating(self) -> list[composers.Composer]:
        """The methods that make machines which do not exist yet, in the order in which they are tried.

        Raise PodManagerUnreachable where what the service announces could not be read: that is not nothing.
        """
        walker = collection_pages.walker(self._connection)
        service = walker.document(self._root.get("CompositionService")) or {}
        action = manifest.target(self._connection, service)
        systems = walker.document(self._root.get("Systems")) or {}
        places = itertools.chain([systems], walker.members(service.get("ResourceZones")))
        objects: dict[str, str | None] = {}
        for each in (found for place in places for found in measures.capabilities(place, walker.path)):
            objects[each.use_case] = objects.get(each.use_case) or each.limits
        if walker.unread and measures.CREATE not in objects:
            reason = f"{min(walker.unread)} could not be read"
            raise errors.PodManagerUnreachable(url=self._connection.paths.url, reason=reason)
        is_constrained = measures.CONSTRAINED in objects
        methods: list[composers.Composer] = []
        # Services that announce nothing may compose all the same.
        if measures.CREATE in objects or not (action or is_constrained):
            methods.append(blocks.Blocks(self._connection, self._root, objects.get(measures.CREATE)))
        if action:
            methods.append(manifest.Manifest(self._connection, self._root, action))
        if is_constrained:
            methods.append(
                constrained.Constrained(self._connection, self._root, objects[measures.CONSTRAINED])
            )
        return methods

    @property
    def _has_blocks(self) -> bool:
        """Whether the service has resource blocks."""
        return isinstance(self._root.get("CompositionService"), dict)

    def _is_node(self, machine_url: str) -> bool:
        """Return whether a machine is a node of Intel RSD."""
        return self._nodes is not None and machine_url.startswith(f"{self._nodes}/")

    def _is_block(self, resource_url: str) -> bool:
        """Return whether a part is a resource block, and no system or drive."""
        service = self._connection.paths.link(properties.reference(self._root.get("CompositionService")))
        return service is not None and resource_url.startswith(f"{service}/")

    def _for_plan(self, plan: composers.Plan) -> typing.Iterator[composers.Composer]:
        if plan.is_allocated:
            yield self._allocate
            return
        if plan.resource_urls and self._expand.machine_of(plan.resource_urls[0]):
            yield self._expand
        yield from self._creating

    def _removing(self, machine_url: str, is_created: bool) -> typing.Iterator[composers.Composer]:
        """Yield the methods that take a machine apart; a base is never deleted, which would be the machine's end."""
        methods = self._for_machine(machine_url, is_created)
        yield from methods
        if methods == [self._expand]:
            yield from (each for each in self._creating if isinstance(each, manifest.Manifest))

    def _for_machine(self, machine_url: str, is_created: bool = False) -> list[composers.Composer]:
        if self._is_node(machine_url):
            return [self._allocate]
        # Machines inside of blocks may be in no collection: only what is in it can have been created there.
        if is_created and machine_url in self.machines():
            return self._creating
        return [self._expand] if self._expand.is_base(machine_url) else self._creating

    def _is_new(self, machine_url: str, plan: composers.Plan) -> bool:
        """Return whether a machine was made after a plan was, so that it is no base."""
        return plan.before is not None and machine_url not in plan.before and machine_url in self.machines()


def _first_offered(
    methods: typing.Iterable[composers.Composer],
    request: typing.Callable[[composers.Composer], base.Outcome],
) -> base.Outcome:
    """Return the outcome of a request by the first method that the service offers.

    Only NotOffered leads to the next method: then nothing was done. Raise that of the first where none is offered.
    """
    refusals = []
    for method in methods:
        try:
            return request(method)
        except introspection_errors.NotOffered as error:
            refusals.append(error)
    raise refusals[0]
