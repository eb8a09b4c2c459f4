# SPDX-License-Identifier: Apache-2.0
"""Nodes by what they are made of: by a device, or by the UUID that an operating system reads from its machine.

Each is a fixed number of queries, however many nodes there are. ``indexed`` finds a machine to adopt by its index.
"""

import typing

from valence.common import errors
from valence.db import models
from valence.db import store

#: filters of lists of nodes that are no fields: the value is the UUID of a device, or of a machine
BY_DEVICE, BY_SYSTEM = "device_id", "system_uuid"
#: most machines with the same UUID: some makers give all machines the same
MOST = 500
#: types of machines that an index may name; a node comes before a system
INDEXED = ("Node", "System")


def indexed(database: store.Store, values: dict[str, typing.Any]) -> str:
    """Return the UUID of the machine ``node_index`` of the pod manager ``podm_id``; raise ValidationFailed.

    The index is the last part of its path. Of a node and a system with the same index it is the node.
    """
    wanted = [
        store.Filter("podm_id", "eq", values["podm_id"]),
        store.Filter("resource_type", "in", list(INDEXED)),
    ]
    index = values["node_index"]
    machines = database.list(
        models.Resource, filters=wanted, fields=["uuid", "resource_type", "resource_url"]
    )
    rows = [row for row in machines if index and row.resource_url.rstrip("/").rpartition("/")[2] == index]
    for kind in INDEXED:
        of_kind = [row for row in rows if row.resource_type == kind]
        if len(of_kind) == 1:
            return of_kind[0].uuid
        if of_kind:
            urls = ", ".join(sorted(row.resource_url for row in of_kind)[:5])
            raise _index_problem(
                f"The pod manager {values['podm_id']} has several machines {index!r}: {urls}."
            )
    raise _index_problem(f"The pod manager {values['podm_id']} has no node or system {index!r}.")


def _index_problem(detail: str) -> errors.ValidationFailed:
    hint = "Give the last part of resource_url of one in GET /v1/systems, or its uuid as resource_id."
    return errors.ValidationFailed(problems=[{"path": "$.node_index", "detail": detail, "hint": hint}])


def filters(database: store.Store, given: typing.Iterable[typing.Sequence[typing.Any]]) -> list[store.Filter]:
    """Return the filters of the nodes that ``given`` selects, ``[name, operator, value]`` each."""
    found = []
    for each in given:
        if each[0] == BY_DEVICE:
            found.append(store.Filter("uuid", "in", _of_device(database, each[2])))
        elif each[0] == BY_SYSTEM:
            found.append(store.Filter("uuid", "in", _of_system(database, each[2])))
        else:
            found.append(store.Filter(*each))
    return found


def _of_device(database: store.Store, uuid: str) -> list[str]:
    """Return the UUIDs of the nodes that have claims of a device."""
    mine = [store.Filter("device_id", "eq", uuid)]
    claims = database.list(models.Claim, filters=mine, fields=["node_id"])
    return sorted({claim.node_id for claim in claims})


def _of_system(database: store.Store, uuid: str) -> list[str]:
    """Return the UUIDs of the nodes whose systems have a UUID."""
    named = [store.Filter("identity", "eq", uuid)]
    states = database.list(models.ResourceState, filters=named, limit=MOST, fields=["uuid"])
    if not states:
        return []
    wanted = [
        store.Filter("uuid", "in", [state.uuid for state in states]),
        store.Filter("resource_type", "eq", "System"),
    ]
    systems = database.list(models.Resource, filters=wanted, fields=["podm_id", "resource_url"])
    places = {(system.podm_id, system.resource_url) for system in systems}
    if not places:
        return []
    nodes = database.list(
        models.Node,
        filters=[
            store.Filter("podm_id", "in", sorted({podm_id for podm_id, _ in places})),
            store.Filter("resource_url", "in", sorted({url for _, url in places})),
        ],
        fields=["podm_id", "resource_url"],
    )
    # Of nodes that stand on a system the path is another one: they have claims of it.
    claimed = [store.Filter("device_id", "in", [state.uuid for state in states])]
    having = {claim.node_id for claim in database.list(models.Claim, filters=claimed, fields=["node_id"])}
    having |= {node.uuid for node in nodes if (node.podm_id, node.resource_url) in places}
    return sorted(having)
