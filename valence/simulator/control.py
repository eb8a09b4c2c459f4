# SPDX-License-Identifier: Apache-2.0
"""Control of a simulator from outside of Redfish: without sign-in, never with faults.

Bodies are JSON objects.

GET    /simulator/stats        requests, by_method, by_status, resets since the start; sessions, subscriptions and
                               systems now
POST   /simulator/systems      {"rack": "Rack1"} (or nothing) adds a system; answers its id, uuid, path
PATCH  /simulator/systems/ID   {"health": "Critical", "power": "Off", "id": "New"}, any: sets the health,
                               sets the power at once, moves the system to another URL
DELETE /simulator/systems/ID   removes a system
GET    /simulator/faults       shows the faults, fields of options.Faults
PATCH  /simulator/faults       {"error_rate": 0.2} changes some of them
GET    /simulator/gate         whether requests are held, the paths of those that were, how many wait now
PUT    /simulator/gate         {"method": "POST", "path": "Systems$", "when": "after"} holds such requests: before
                               they are done, after that (their answers), or late: done even if the client has gone
DELETE /simulator/gate         lets all of them go on
GET    /simulator/compositions what is composed: systems with their blocks, nodes of RSD, blocks that somebody
                               touched, tasks, what was erased
PATCH  /simulator/blocks/ID    {"health": "Critical"} breaks a resource block, {"health": "OK"} mends it
DELETE /simulator/sessions     ends all sessions
PUT    /simulator/password     {"password": "new"}, from now on
POST   /simulator/reset        sets everything back to the start
"""

import dataclasses
import json
import re

from aiohttp import web

from valence.simulator import redfish
from valence.simulator import service as service_module
from valence.simulator.composition import blocks
from valence.simulator.composition import requests


def stats(service):
    """Return what the service has done so far, as numbers; ``resets`` has those of each system by ResetType."""
    methods = {key: count for key, count in service.statistics.items() if isinstance(key, str)}
    statuses = {str(key): count for key, count in service.statistics.items() if isinstance(key, int)}
    return {
        "requests": sum(methods.values()),
        "by_method": methods,
        "by_status": statuses,
        "resets": _resets(service),
        "sessions": len(service.sessions.ids(service.pod)),
        "subscriptions": len(service.subscriptions.ids(service.pod)),
        "systems": len(service.pod.systems),
    }


def _resets(service):
    """Return how often each reset of each system arrived: ``{"System1": {"ForceOff": 2}}``."""
    found = {}
    for (system_id, reset_type), number in service.resets.items():
        found.setdefault(system_id, {})[reset_type] = number
    return found


def add_system(service, rack=None):
    system = service.pod.add_system(rack)
    return {"id": system.id, "uuid": system.uuid, "path": f"{redfish.ROOT}/Systems/{system.id}"}


def change_system(service, system_id, *, health=None, power=None, id=None):
    """Set the health, the power (at once), the place in the tree of URLs: whatever is not None."""
    if health is not None:
        service.pod.set_health(system_id, health)
    if power is not None:
        service.power.set(service.pod.systems[system_id], power)
    if id is not None:
        service.pod.move_system(system_id, id)


def remove_system(service, system_id):
    service.pod.remove_system(system_id)


def faults(service):
    return dataclasses.asdict(service.faults.options)


def set_faults(service, **changes):
    service.set_faults(**changes)


def gate(service):
    return service.gate.state()


def close_gate(service, **rule):
    service.gate.close(**rule)


def open_gate(service):
    service.gate.open()


def compositions(service):
    """Return what is composed, whatever the faults let clients see of it."""
    pod = service.pod
    systems = [system for system in pod.systems.values() if system.is_composed or system.blocks]
    return {
        "systems": [_composed(pod, system) for system in systems],
        "nodes": [_node(node) for node in pod.nodes.all],
        "blocks": [_block(pod, block_id) for block_id in pod.compositions.touched],
        "tasks": {task.id: task.state for task in pod.tasks.values()},
        "erased": dict(pod.erasures.ended),
    }


def _composed(pod, system):
    return {
        "path": f"{redfish.ROOT}/Systems/{system.id}",
        "uuid": system.uuid,
        "name": system.name,
        "description": system.description,
        "state": pod.compositions.system_state(system),
        "blocks": [f"{requests.PREFIX}{block_id}" for block_id in system.blocks],
    }


def _node(node):
    return {
        "path": f"{redfish.ROOT}/Nodes/{node.id}",
        "name": node.name,
        "description": node.description,
        "state": node.state,
        "system": node.system and f"{redfish.ROOT}/Systems/{node.system.id}",
        "resources": list(node.resources),
    }


def _block(pod, block_id):
    holders = pod.compositions.holders(block_id)
    return {
        "path": f"{requests.PREFIX}{block_id}",
        "systems": [f"{redfish.ROOT}/Systems/{system.id}" for system in holders],
        "reserved": pod.compositions.is_reserved(block_id),
        "broken": pod.compositions.is_broken(block_id),
    }


def change_block(service, block_id, *, health):
    """Break a resource block (``Critical``) or mend it (``OK``)."""
    if blocks.find(service.pod, block_id) is None:
        raise KeyError(block_id)
    if health not in ("OK", "Critical"):
        raise ValueError("health of a block is OK or Critical")
    service.pod.compositions.set_broken(block_id, health == "Critical")
    for system in service.pod.compositions.users(block_id):
        service.pod.changed(system)


def end_sessions(service):
    service.sessions.expire()


def set_password(service, *, password):
    service.sessions.set_password(password)


def reset(service):
    service.reset()


ROUTES = tuple(
    (method, re.compile(f"/simulator/{path}"), function)
    for method, path, function in (
        ("GET", "stats", stats),
        ("POST", "systems", add_system),
        ("PATCH", "systems/([^/]+)", change_system),
        ("DELETE", "systems/([^/]+)", remove_system),
        ("GET", "faults", faults),
        ("PATCH", "faults", set_faults),
        ("GET", "gate", gate),
        ("PUT", "gate", close_gate),
        ("DELETE", "gate", open_gate),
        ("GET", "compositions", compositions),
        ("PATCH", "blocks/([^/]+)", change_block),
        ("DELETE", "sessions", end_sessions),
        ("PUT", "password", set_password),
        ("POST", "reset", reset),
    )
)


async def handle(service, request):
    """Answer an HTTP request below ``/simulator``."""
    try:
        result = await _run(service, request)
    except redfish.RedfishError as error:
        return _json(error.status, {"error": error.text})
    except KeyError as error:
        return _json(404, {"error": f"there is no {error.args[0]}"})
    except (TypeError, ValueError) as error:
        return _json(400, {"error": str(error)})
    return _json(200, result) if result is not None else web.Response(status=204)


async def _run(service, request):
    for method, path, function in ROUTES:
        match = path.fullmatch(request.path)
        if match and method == request.method:
            body = await service_module.read_json(request)
            return function(service, *match.groups(), **body)
    raise redfish.missing(request.path)


def _json(status, document):
    return web.Response(status=status, body=json.dumps(document).encode(), content_type="application/json")
