# SPDX-License-Identifier: Apache-2.0
"""Chooses how a Redfish service composes, by what it offers and never by its version.

The choice is made for each plan and each machine, because a service may offer several methods: a machine that exists by
itself and lists resource blocks is expanded. All others are created by a POST to the collection of systems where that
or a zone has the capability, else by the action Compose of the composition service where there is one.
"""

import functools
import itertools
import typing

from valence.podmanagers import base
from valence.podmanagers import composer
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish.composition import blocks
from valence.podmanagers.redfish.composition import expand
from valence.podmanagers.redfish.composition import manifest
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import measures


class Methods(composer.Composer):
    """Composes on one connection, below the service root ``root``; raise NotOffered where nothing is composed."""

    def __init__(self, connection: connections.Connection, root: dict[str, typing.Any]) -> None:
        self._connection, self._root = connection, root
        self._expand = expand.Expand(connection, root)

    def look(self, resource_urls: typing.Sequence[str]) -> list[composer.Part]:
        return self._expand.look(resource_urls)

    def machines(self) -> list[str]:
        return self._expand.machines()

    def reserve(self, resource_urls: typing.Sequence[str], wanted: bool) -> None:
        self._expand.reserve(resource_urls, wanted)

    def compose(self, plan: composer.Plan) -> base.Outcome:
        return self._for_plan(plan).compose(plan)

    def find(self, plan: composer.Plan) -> list[composer.Composed]:
        return self._for_plan(plan).find(plan)

    def attach(self, machine_url: str, resource_url: str) -> base.Outcome:
        return self._for_machine(machine_url).attach(machine_url, resource_url)

    def detach(self, machine_url: str, resource_url: str, *, force: bool = False) -> base.Outcome:
        return self._for_machine(machine_url).detach(machine_url, resource_url, force=force)

    def decompose(self, machine_url: str) -> base.Outcome:
        return self._for_machine(machine_url).decompose(machine_url)

    def exists(self, machine_url: str) -> bool:
        return self._for_machine(machine_url).exists(machine_url)

    @functools.cached_property
    def _create(self) -> composer.Composer:
        """The method that makes machines which do not exist yet."""
        walker = collection_pages.Walker(
            lambda path: self._connection.get(path).content, self._connection.paths
        )
        service = walker.document(self._root.get("CompositionService")) or {}
        action = manifest.target(self._connection, service)
        if action is None or self._can_create(walker, service):
            return blocks.Blocks(self._connection, self._root)
        return manifest.Manifest(self._connection, self._root, action)

    def _can_create(self, walker: collection_pages.Walker, service: dict[str, typing.Any]) -> bool:
        """Return whether the collection of systems or a zone says that a POST composes a system."""
        systems = walker.document(self._root.get("Systems")) or {}
        places = itertools.chain([systems], walker.members(service.get("ResourceZones")))
        return any(
            each.use_case == measures.CREATE
            for place in places
            for each in measures.capabilities(place, walker.path)
        )

    def _for_plan(self, plan: composer.Plan) -> composer.Composer:
        is_base = plan.resource_urls and self._expand.machine_of(plan.resource_urls[0])
        return self._expand if is_base else self._create

    def _for_machine(self, machine_url: str) -> composer.Composer:
        return self._expand if self._expand.is_base(machine_url) else self._create
