# SPDX-License-Identifier: Apache-2.0
"""Drives and volumes that can be erased: Drive.SecureErase, or Volume.Initialize of the volumes on a drive.

A drive is erased by its own action where it has one, because that covers what no volume shows. A volume is initialized
slowly: a fast initialization leaves most of the data where it is.
"""

import typing

from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import properties

_WHAT = "erasing of drives"
_ERASE, _INITIALIZE = "#Drive.SecureErase", "#Volume.Initialize"
_TYPE, _SLOW = "InitializeType", "Slow"
_VOLUMES = ("Links", "Volumes")

Document = dict[str, typing.Any]


class Media:
    """What the parts of one pod manager keep data on."""

    def __init__(self, connection: connections.Connection) -> None:
        self._connection = connection
        self._walker = collection_pages.walker(connection)

    def of_part(self, resource_url: str) -> list[str]:
        """Return the paths of the drives, or of volumes, that have to be erased so that a part keeps no data.

        Raise NotOffered where some of it cannot be erased, ResourceGone, PodManagerError where it cannot be read.
        """
        found: dict[str, None] = {}
        for path, drive in self._drives(resource_url, self._read(resource_url)):
            if self._action(drive) is None:
                found |= dict.fromkeys(self._volumes(path, drive))
            else:
                found[path] = None
        if not found:
            raise introspection_errors.NotOffered(what=f"{_WHAT} of {resource_url}, which lists none")
        return list(found)

    def erase(self, medium_url: str) -> base.Outcome:
        """Request that a drive or a volume is erased, once."""
        action = self._action(self._read(medium_url))
        if action is None:
            raise introspection_errors.NotOffered(what=_WHAT)
        target, body = action
        answer = self._connection.exchange("POST", target, body)
        return tasks.outcome(self._connection, target, answer, action=_WHAT)

    def is_erasing(self, medium_url: str) -> bool:
        """Return whether a drive or a volume works on something."""
        return bool(self._read(medium_url).get("Operations"))

    def _drives(self, url: str, part: Document) -> typing.Iterator[tuple[str, Document]]:
        """Yield the drives of a part: a drive itself, or those of a block and of the storages in it."""
        if str(part.get("@odata.type")).startswith("#Drive."):
            yield url, part
            return
        storages = [self._read(path) for path in self._paths(part.get("Storage"))]
        paths = dict.fromkeys(
            path for place in (part, *storages) for path in self._paths(place.get("Drives"))
        )
        for path in paths:
            yield path, self._read(path)

    def _volumes(self, drive_url: str, drive: Document) -> list[str]:
        """Return the volumes on a drive that has no action of its own; raise NotOffered unless all can be erased."""
        paths = self._paths(properties.at(drive, _VOLUMES))
        if not paths or any(self._action(self._read(path)) is None for path in paths):
            raise introspection_errors.NotOffered(what=f"{_WHAT} by {drive_url}")
        return paths

    def _action(self, document: Document) -> tuple[str, Document] | None:
        """Return target and body of the action that erases a drive or a volume, None where there is none."""
        for name in (_ERASE, _INITIALIZE):
            offered = properties.at(document, ("Actions", name))
            target = offered.get("target") if isinstance(offered, dict) else None
            path = self._connection.paths.link(target) if isinstance(target, str) else None
            if path is None:
                continue
            types = offered.get(f"{_TYPE}@Redfish.AllowableValues")
            if name == _INITIALIZE and isinstance(types, list) and _SLOW not in types:
                continue
            return path, {_TYPE: _SLOW} if name == _INITIALIZE else {}
        return None

    def _paths(self, links: object) -> list[str]:
        """Return the paths that a list of links, or a link to a collection, leads to."""
        found = map(self._walker.path, links) if isinstance(links, list) else self._walker.paths(links)
        paths = [path for path in found if path]
        for path in sorted(self._walker.unread):  # a drive that is not listed would keep its data
            raise errors.PodManagerError(url=self._connection.paths.url, reason=f"{path} could not be read")
        return paths

    def _read(self, path: str) -> Document:
        return self._connection.get(path).content or {}
