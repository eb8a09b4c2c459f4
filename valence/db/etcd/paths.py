# SPDX-License-Identifier: Apache-2.0
"""Where things are in etcd: an object at ``/<path>/<key>``, everything else below ``/_valence``."""

import typing

from valence.db import store
from valence.db.etcd import index

Tree = index.Tree

OWN = "_valence"


class Paths:
    """The keys of one store below ``prefix``; ``spell`` writes a text so that the API takes it as part of a key."""

    def __init__(self, prefix: str, spell: typing.Callable[[str], str]) -> None:
        self.root = f"/{prefix.strip('/')}".rstrip("/")
        #: what the keys of everything but objects begin with
        self.own = f"{self.root}/{OWN}"
        self._spell = spell
        #: what every commit changes
        self.head = f"{self.own}/head"
        self.schema = f"{self.own}/schema"
        self.leases = f"{self.own}/leases/"
        self.journals = f"{self.own}/journal/"

    def object(self, model: store.Model, key: store.Key) -> str:
        """Return where an object's JSON value is."""
        return f"{self.root}/{model.path}/{self._spell(key)}"

    def objects(self, path: str) -> str:
        """Return what the keys of a model's objects begin with."""
        return f"{self.root}/{path}/"

    def chunk(self, number: str, part: str) -> str:
        """Return where a part of a large value is; ``number`` is the commit's."""
        return f"{self.own}/chunks/{number}/{part}"

    def lease(self, name: str) -> str:
        """Return where the holder of a lease is told."""
        return f"{self.leases}{self._spell(name)}"

    def sequence(self, model: store.Model) -> str:
        """Return where the last number of a model's sequence is."""
        return f"{self.own}/sequences/{model.path}"

    def journal(self, name: str, part: int | str) -> str:
        """Return where a part of a journal is."""
        return f"{self.journals}{name}/{part}"

    def index(self, tree: Tree) -> str:
        """Return what the keys of an index begin with."""
        return f"{self.own}/index/{tree.path}/{tree.name}/"

    def marks(self, tree: Tree) -> str:
        """Return what the keys of the marks of an index begin with."""
        return f"{self.own}/marks/{tree.path}/{tree.name}/"

    def table(self, tree: Tree) -> str:
        """Return where the table of an index is."""
        return f"{self.own}/tables/{tree.path}/{tree.name}"
