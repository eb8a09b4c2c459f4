# SPDX-License-Identifier: Apache-2.0
"""Control of a simulator from outside of Redfish: without sign-in, never with faults.

Bodies are JSON objects.

GET    /simulator/stats        requests, by_method, by_status since the start; sessions, subscriptions and systems now
POST   /simulator/systems      {"rack": "Rack1"} (or nothing) adds a system; answers its id, uuid, path
PATCH  /simulator/systems/ID   {"health": "Critical", "power": "Off", "id": "New"}, any: sets the health,
                               sets the power at once, moves the system to another URL
DELETE /simulator/systems/ID   removes a system
GET    /simulator/faults       shows the faults, fields of options.Faults
PATCH  /simulator/faults       {"error_rate": 0.2} changes some of them
DELETE /simulator/sessions     ends all sessions
PUT    /simulator/password     {"password": "new"}, from now on
POST   /simulator/reset        sets everything back to the start
"""

import dataclasses
import json
import re

from aiohttp import web

from valence.simulator import errors
from valence.simulator import redfish
from valence.simulator import service as service_module


def stats(service):
    """Return what the service has done so far, as a dict of numbers."""
    methods = {key: count for key, count in service.statistics.items() if isinstance(key, str)}
    statuses = {str(key): count for key, count in service.statistics.items() if isinstance(key, int)}
    return {
        "requests": sum(methods.values()),
        "by_method": methods,
        "by_status": statuses,
        "sessions": len(service.sessions.ids(service.pod)),
        "subscriptions": len(service.subscriptions.ids(service.pod)),
        "systems": len(service.pod.systems),
    }


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
        ("DELETE", "sessions", end_sessions),
        ("PUT", "password", set_password),
        ("POST", "reset", reset),
    )
)


async def handle(service, request):
    """Answer an HTTP request below ``/simulator``."""
    try:
        result = await _run(service, request)
    except errors.RedfishError as error:
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
    raise errors.missing(request.path)


def _json(status, document):
    return web.Response(status=status, body=json.dumps(document).encode(), content_type="application/json")
