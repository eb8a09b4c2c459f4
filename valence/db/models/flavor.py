# SPDX-License-Identifier: Apache-2.0
"""Flavors: named requirements of nodes."""

from valence.db import types
from valence.db.models import base

#: how devices are chosen among those that satisfy the requirements
POLICIES = ("pack", "spread")


class Flavor(base.ModelBaseWithTimestamp):
    """Requirements that nodes are composed by; a change of a flavor changes no node."""

    path = "flavors"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "name": types.Text("Name, unique here.", min=1, unique=True, example="compute-large"),
        "description": types.Text("What an operator wants to remember of it.", max=1024, default=""),
        "properties": types.JSON(
            "What a node needs: processor, memory, storage, network, accelerator.",
            default={},
            example={"processor": {"total_cores": 16}, "memory": {"capacity_mib": 32768}},
        ),
        "policy": types.Choice(
            "How devices are chosen: pack wastes the least and fills zones up, spread prefers the emptiest.",
            POLICIES,
            default=None,
        ),
    }
