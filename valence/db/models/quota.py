# SPDX-License-Identifier: Apache-2.0
"""Quotas: how much hardware the nodes of a project may have together."""

from valence.db import types
from valence.db.models import base

#: what is counted: nodes, and measures of the devices that they have
NODES, CORES, MEMORY, STORAGE, ACCELERATORS = RESOURCES = (
    "nodes",
    "cores",
    "memory_mib",
    "storage_gib",
    "accelerators",
)
#: resources that devices are counted by
MEASURES = RESOURCES[1:]
#: stands for the empty project of requests without authentication, which neither a key nor a URL can have; a project
#: whose own name is dashes alone has a key with one more
NO_PROJECT = "-"

#: the limit of what is not limited
NO_LIMIT = -1


def key_of(project_id: str) -> str:
    """Return the key of a project's quota."""
    return project_id if project_id.strip("-") else project_id + NO_PROJECT


def project_of(key: str) -> str:
    """Return the project that a quota with this key is about."""
    return key if key.strip("-") else key[:-1]


_EXAMPLE = {"nodes": 10, "cores": 256}


def _limit(what: str) -> types.Integer:
    doc = f"{what} that its nodes may have together; -1 is no limit, null is the limit of the site."
    return types.Integer(doc, min=NO_LIMIT, default=None)


class Limits(base.ModelBase):
    """Limits of a project, as clients set them."""

    path = "limits"
    fields = {
        NODES: types.Integer(
            "Nodes that it may have; -1 is no limit, null is the limit of the site.",
            min=NO_LIMIT,
            default=None,
            example=10,
        ),
        CORES: _limit("Cores of CPUs"),
        MEMORY: _limit("Memory in MiB"),
        STORAGE: _limit("Storage in GiB"),
        ACCELERATORS: _limit("Accelerators"),
    }


class Quota(base.ModelBaseWithTimestamp):
    """The limits of a project. Requests that claim hardware under a limit change the revision, one after the other.

    What is used is not stored here: it follows from the nodes and claims of the project.
    """

    path = "quotas"
    fields = {
        "project_id": types.Text(
            "The project; - stands for requests without authentication.", max=64, key=True, example="demo"
        ),
        "limits": types.JSON(
            "Limits of this project by resource; -1 is no limit, and what is not named has the limit of the site.",
            default={},
            write="never",
            example=_EXAMPLE,
        ),
    }


class QuotaWithUse(base.ModelBase):
    """The limits of a project, and what its nodes have; the form in which clients see quotas."""

    path = "quotas"
    kind = "quota"
    fields = {name: Quota.fields[name] for name in ("project_id", "limits")} | {
        "effective_limits": types.JSON(
            "Limits by resource, with those of the site; -1 is no limit.",
            default={},
            write="never",
            example=_EXAMPLE | {"memory_mib": -1, "storage_gib": -1, "accelerators": 8},
        ),
        "used": types.JSON(
            "What the nodes of the project have, by resource.",
            default={},
            write="never",
            example={"nodes": 2, "cores": 64, "memory_mib": 262144, "storage_gib": 4096, "accelerators": 0},
        ),
    }
