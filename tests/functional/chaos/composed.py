# SPDX-License-Identifier: Apache-2.0
"""What nodes, claims and events say, compared with what the simulated services have composed."""

import collections
import itertools

from valence.db import models
from valence.db import store

#: name of the machines of another client
INTRUDER = "Intruder"


def differences(database, services):
    """Return what does not fit, one line each; ``services`` are answers of /simulator/compositions by pod manager."""
    claims = database.list(models.Claim)
    nodes = {row.uuid: row for row in database.list(models.Node)}
    ids = sorted({claim.device_id for claim in claims})
    urls = {row.uuid: row.resource_url for row in _rows(database, models.Resource, ids)}
    parts = collections.defaultdict(set)
    for claim in claims:
        parts[claim.node_id].add(urls.get(claim.device_id, claim.device_id))
    found = [f"claims of {node_id}, which is no node" for node_id in parts if node_id not in nodes]
    found += _of_nodes(nodes, parts, services)
    found += _of_machines(nodes, services)
    return [*found, *_of_devices(database, claims)]


def _rows(database, model, keys, size=500):
    for start in range(0, len(keys), size):
        wanted = store.Filter(model.key, "in", keys[start : start + size])
        yield from database.list(model, filters=[wanted])


def _of_nodes(nodes, parts, services):
    """Yield nodes whose claims are not what their machines consist of."""
    for node in nodes.values():
        if node.kind == "system":
            continue
        machine = _machines(services[node.podm_id]).get(node.resource_url)
        has = set(machine["blocks"]) if machine else set()
        if node.state == "composed" and (machine is None or has != parts[node.uuid]):
            yield f"{node.uuid} claims {sorted(parts[node.uuid])}, {node.resource_url} has {sorted(has)}"
        if node.state != "composed" and (machine or parts[node.uuid]) and node.goal == "present":
            yield f"{node.uuid} is {node.state} and has {sorted(parts[node.uuid])}, {node.resource_url}"


def _of_machines(nodes, services):
    """Yield machines with a node's mark, or none of the intruder's, that no node has."""
    there = {(node.podm_id, node.resource_url) for node in nodes.values()}
    for podm_id, document in services.items():
        for path, machine in _machines(document).items():
            if machine["name"] != INTRUDER and (podm_id, path) not in there:
                yield f"{podm_id} has {path} {machine['description']!r}, which is no node's"


def _machines(document):
    """Return the machines of a service by path: composed systems, and nodes of Intel RSD with their systems.

    Nodes that a simulator has from its start are nobody's.
    """
    nodes = [
        node | {"blocks": [node["system"]]}
        for node in document["nodes"]
        if not node["name"].startswith("Node ")
    ]
    return {machine["path"]: machine for machine in (*document["systems"], *nodes)}


def _of_devices(database, claims):
    """Yield devices whose rows do not say what their claims do."""
    holders = collections.defaultdict(set)
    for claim in claims:
        holders[claim.device_id].add(claim.node_id)
    for row in database.list(models.Device):
        own = holders.get(row.uuid, set())
        if row.slots == 1 and (row.node_id, row.full) != (next(iter(own), None), bool(own)):
            yield f"device {row.uuid} says {row.node_id} {row.full}, its claims say {own}"
        if row.slots == 1 and len(own) > 1:
            yield f"device {row.uuid} belongs to {own}"


def broken_histories(events, nodes):
    """Return what is missing in the histories of nodes; ``nodes`` are the states of those that are there by UUID.

    A history begins with the creation, each event starts with the state that the one before ended with, and it ends
    with the state that is shown, or with the deletion.
    """
    history = collections.defaultdict(list)
    for event in events:
        history[event["object_id"]].append(event)
    found = [f"{uuid} has no events" for uuid in nodes if uuid not in history]
    for uuid, own in history.items():
        kinds = [event["event_type"].removeprefix("valence.node.") for event in own]
        states = [
            each
            for each, kind in zip(own, kinds, strict=True)
            if not kind.startswith("device_")  # these are about a device, and change no state of the node
            and ((each["old"] or {}).get("state") or (each["new"] or {}).get("state"))
        ]
        if kinds[0] != "create" or kinds.count("create") > 1 or "delete" in kinds[:-1]:
            found.append(f"{uuid}: {kinds}")
        for before, after in itertools.pairwise(states):
            if (before["new"] or {}).get("state") != (after["old"] or {}).get("state"):
                found.append(f"{uuid}: {before['new']} is followed by {after['old']}")
        last = (states[-1]["new"] or {}).get("state") if states else None
        if last != nodes.get(uuid):
            found.append(f"{uuid}: the last event says {last}, it is {nodes.get(uuid)}")
    return found
