# SPDX-License-Identifier: Apache-2.0
"""Which resource is at which URL: a tree of path segments, where ``*`` is any member of the collection above.

Nothing is kept for a resource: a document is built when it is asked for, so that a big pod starts at once.
"""

import dataclasses
import typing

from valence.simulator import errors
from valence.simulator import redfish


@dataclasses.dataclass(frozen=True)
class Resource:
    """A kind of resource: ``build(pod, *ids)`` gives its properties, ``ids`` are those in its path.

    ``present(pod)`` says whether the pod has it at all. A ``volatile`` one changes without notice.
    """

    path: str
    schema: str
    build: typing.Callable
    present: typing.Callable = lambda pod: True
    volatile: bool = False


@dataclasses.dataclass(frozen=True)
class Collection:
    """All members of one kind at ``path``: ``ids(pod, *ids)`` lists them, ``build(pod, *ids)`` gives one."""

    path: str
    schema: str
    ids: typing.Callable
    build: typing.Callable
    present: typing.Callable = lambda pod: True
    volatile: bool = False


class Tree:
    """Finds the documents of ``pod`` by path; ``table`` holds a Resource or Collection a row."""

    def __init__(self, pod, table):
        self._pod = pod
        self._root = _Node()
        for row in table:
            node = self._root
            for segment in filter(None, row.path.split("/")):
                node = node.children.setdefault(segment, _Node())
            node.row = row
            if isinstance(row, Collection):
                member = Resource(f"{row.path}/*", row.schema, row.build, volatile=row.volatile)
                node.children.setdefault("*", _Node()).row = member

    def find(self, path):
        """Return the row for a URL path and the ids in it, or raise the 404."""
        node, ids = self._root, []
        for segment in self._segments(path):
            above, node = node, node.children.get(segment)
            if node is None:
                node = self._member(above, segment, ids, path)
                ids.append(segment)
            if node.row and not node.row.present(self._pod):
                raise errors.missing(path)
        if node.row is None:
            raise errors.missing(path)
        return node.row, ids

    def document(self, path):
        """Return the whole document at ``path`` as a dict; ``Links`` come last."""
        row, ids = self.find(path)
        if isinstance(row, Collection):
            return self._collection(path, row, ids)
        name = row.schema.partition(".")[0]
        head = {
            "@odata.id": path,
            "@odata.type": f"#{row.schema}.{name}",
            "Id": path.rpartition("/")[2] if row.path else "RootService",
        }
        return head | row.build(self._pod, *ids)

    def _member(self, above, segment, ids, path):
        if not isinstance(above.row, Collection) or segment not in above.row.ids(self._pod, *ids):
            raise errors.missing(path)
        return above.children["*"]

    def _collection(self, path, row, ids):
        name = f"{row.schema.partition('.')[0]}Collection"
        members = [{"@odata.id": f"{path}/{member}"} for member in row.ids(self._pod, *ids)]
        return {
            "@odata.id": path,
            "@odata.type": f"#{name}.{name}",
            "Name": name,
            "Members@odata.count": len(members),
            "Members": members,
        }

    @staticmethod
    def _segments(path):
        if path == redfish.ROOT:
            return []
        if not path.startswith(f"{redfish.ROOT}/"):
            raise errors.missing(path)
        return path[len(redfish.ROOT) + 1 :].split("/")


class _Node:
    def __init__(self):
        self.children = {}
        self.row = None
