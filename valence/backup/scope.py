# SPDX-License-Identifier: Apache-2.0
"""Whose things a request is about, and in which form its documents are."""

import typing

from valence.db import store


class Scope(typing.NamedTuple):
    """A tenant as a version of the API has it: a project in v2, a user of a project in v1.

    ``user_id`` and ``user_name`` tell who asks. With ``everywhere`` lists hold the things of all projects; with
    ``trusts`` central clients work only under one.
    """

    version: str
    project_id: str
    user_id: str = ""
    user_name: str | None = None
    everywhere: bool = False
    trusts: bool = False
    request_id: str | None = None

    @property
    def is_v1(self):
        """Whether documents are in the form of version 1."""
        return self.version == "v1"

    def key(self, name):
        """Return the key of the thing that this tenant calls ``name``."""
        return f"{self.project_id}:{name}"

    def filters(self, project="project_id"):
        """Return the filters of what this tenant may see."""
        return [] if self.everywhere else [store.Filter(project, "eq", self.project_id)]

    def owns(self, row):
        """Return whether a row, found by a key of this project, is this tenant's."""
        return not self.is_v1 or row.user_id == self.user_id


def name_of(key):
    """Return what the tenant calls the thing with a key; empty for None."""
    return key.partition(":")[2] if key else ""


def project_of(key):
    """Return the project of the thing with a key."""
    return key.partition(":")[0]
