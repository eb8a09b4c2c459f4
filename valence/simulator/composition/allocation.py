# SPDX-License-Identifier: Apache-2.0
"""Nodes of Intel RSD are allocated, assembled, changed and deleted (RSD pod manager API 1.2 to 2.5)."""

import re

from valence.simulator import redfish
from valence.simulator.composition import nodes
from valence.simulator.documents import nodes as documents
from valence.simulator.documents import systems

NODES = f"{redfish.ROOT}/Nodes"
NODE = f"{NODES}/([^/]+)"
#: the host by which the service knows itself: that of no client
HOST = "http://podm.example.com:8443"
#: properties of a request, and those that say of which parts a node is made -> their path below a system
TEXTS = {"Name": "name", "Description": "description"}
SUMS = ("TotalSystemCoreCount", "TotalSystemMemoryMiB")
PARTS = {
    "Processors": "Processors",
    "Memory": "Memory",
    "LocalDrives": "Storage",
    "EthernetInterfaces": "EthernetInterfaces",
}
IGNORED = ("RemoteDrives", "Security", "Oem", "SupportedPerformanceConfigurations")
#: property of an item -> documents of the parts of a system, and their property, of which the item wants as much
AMOUNTS = {
    "TotalCores": ("Processors", "TotalCores"),
    "CapacityMiB": ("Memory", "CapacityMiB"),
}
SYSTEM = re.compile(f"{redfish.ROOT}/Systems/([^/]+)(/.*)?")
DRIVE = re.compile(f"{redfish.ROOT}/Chassis/([^/]+)/Drives/([^/]+)")


class Allocate:
    """Makes a node on ``system`` with some ``values``."""

    name = "Allocate a node"
    takes_time = True
    system = None

    def __init__(self, pod, system, values):
        self._pod = pod
        self._node = pod.nodes.make(system, **values)

    def begin(self):
        """Do nothing more: nobody else gets the system."""

    def show(self):
        self._pod.nodes.show(self._node)

    def finish(self):
        self._node.state = nodes.ALLOCATED

    def fail(self):
        self._node.state = nodes.FAILED

    def undo(self):
        self._pod.nodes.remove(self._node)

    def answer(self):
        return 201, None, {"Location": f"{HOST}{NODES}/{self._node.id}"}


class Assemble:
    """Makes a machine of an allocated node."""

    name = "Assemble a node"
    takes_time = True
    system = None

    def __init__(self, node):
        self._node = node

    def begin(self):
        self._node.state = nodes.ASSEMBLING

    def show(self):
        """Do nothing more: the node is there."""

    def finish(self):
        self._node.state = nodes.ASSEMBLED

    def fail(self):
        self._node.state = nodes.FAILED

    undo = fail

    def answer(self):
        return 204, None, {}


class Delete:
    """Removes a node; its system is free at once."""

    name = "Delete a node"
    takes_time = False
    system = None

    def __init__(self, pod, node):
        self._pod, self._node = pod, node

    def begin(self):
        """Do nothing before ``show``."""

    def show(self):
        self._pod.nodes.remove(self._node)

    finish = fail = undo = begin

    def answer(self):
        return 204, None, {}


def allocate(service, body):
    """Do ComposedNodeCollection.Allocate: choose a free system that has what the body says."""
    pod = service.pod
    _require_offered(pod)
    for name in body:
        if name not in (*TEXTS, *SUMS, *PARTS, *IGNORED):
            raise redfish.bad_request("PropertyUnknown", f"The property {name} cannot be set here.")
    values = {TEXTS[name]: body[name] for name in TEXTS if isinstance(body.get(name), str)}
    if service.faults.hits("name_ignored_rate", NODES):
        values = {}
    return service.composer.run(Allocate(pod, _system(pod, body), values), NODES)


def assemble(service, body, node_id):
    """Do ComposedNode.Assemble."""
    node = _node(service.pod, node_id)
    if node.state != nodes.ALLOCATED:
        raise _conflict(f"The node is {node.state}; only an allocated one can be assembled.")
    return service.composer.run(Assemble(node), f"{NODES}/{node_id}/Actions/ComposedNode.Assemble")


def delete(service, body, node_id):
    """Remove a node; some services answer alike where it is gone."""
    pod = service.pod
    _require_offered(pod)
    node, path = pod.nodes.get(node_id), f"{NODES}/{node_id}"
    if node is None or service.faults.hits("deaf_delete_rate", path):
        return 204, None, {}
    return service.composer.run(Delete(pod, node), path)


def force_delete(service, body, node_id):
    """Do ComposedNode.ForceDelete, which removes a node whatever fails."""
    service.pod.nodes.remove(_node(service.pod, node_id))
    return 204, None, {}


def reset(service, body, node_id):
    """Do ComposedNode.Reset: the system of the node is reset."""
    node = _ready(service.pod, node_id)
    reset_type = body.get("ResetType")
    if reset_type not in documents.RESET_TYPES:
        raise redfish.bad_request("ActionParameterValueNotInList", f"{reset_type!r} is no ResetType.")
    service.resets[node.system.id, reset_type] += 1
    if "ignores_reset" in service.pod.compositions.quirks:
        return 204, None, {}
    try:
        service.power.reset(node.system, reset_type)
    except ValueError as error:
        raise _conflict(str(error)) from error
    return 204, None, {}


def attach(service, body, node_id):
    """Do AttachResource, or AttachEndpoint."""
    node, path = _ready(service.pod, node_id), _resource(service.pod, body)
    if service.pod.nodes.having(path):
        raise _conflict(f"{path} is already attached to a node.")
    node.resources = (*node.resources, path)
    return 204, None, {}


def detach(service, body, node_id):
    """Do DetachResource, or DetachEndpoint."""
    node, path = _ready(service.pod, node_id), _resource(service.pod, body)
    if path not in node.resources:
        raise redfish.bad_request("PropertyValueNotInList", f"{path} is not attached to the node.")
    node.resources = tuple(each for each in node.resources if each != path)
    return 204, None, {}


def _require_offered(pod):
    if "allocate" not in pod.compositions.ways:
        text = "Nodes are not allocated here."
        raise redfish.RedfishError(405, "OperationNotAllowed", text, Allow="GET, HEAD")


def _node(pod, node_id):
    _require_offered(pod)
    node = pod.nodes.get(node_id)
    if node is None:
        raise redfish.missing(f"{NODES}/{node_id}")
    return node


def _ready(pod, node_id):
    """Return a node whose machine can be changed."""
    node = _node(pod, node_id)
    if node.state not in (nodes.ASSEMBLED, nodes.FAILED) or node.system is None:
        raise _conflict(f"The node is {node.state}; only an assembled one can be changed.")
    return node


def _conflict(text):
    return redfish.RedfishError(409, "ResourceInStandby", text)


def _resource(pod, body):
    """Return the path of the pooled drive that an action names."""
    link = body.get("Resource")
    path = link.get("@odata.id") if isinstance(link, dict) else None
    if path not in documents.attachable(pod):
        raise redfish.bad_request("PropertyValueNotInList", f"{path!r} is no resource that can be attached.")
    return path


def _system(pod, body):
    """Return a free system that a request fits, chosen at random; raise the 400 or 409."""
    items = [(name, each) for name in PARTS for each in _items(body, name)]
    pinned = {_pinned(pod, name, each) for name, each in items} - {None}
    if len(pinned) > 1:
        raise redfish.bad_request("PropertyValueConflict", "The resources belong to several systems.")
    every = [pod.systems[each] for each in pinned] or list(pod.systems.values())
    free = [each for each in every if documents.is_free(pod, each)]
    if pinned and not free:
        raise redfish.RedfishError(409, "GeneralError", "The system is already allocated, or not healthy.")
    fitting = [each for each in free if _fits(pod, each.id, body, items)]
    if not fitting:
        raise redfish.bad_request("GeneralError", "There are no computer systems that match the request.")
    return pod.random.choice(fitting)


def _items(body, name):
    items = body.get(name, [])
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise redfish.bad_request("PropertyValueTypeError", f"{name} is a list of objects.")
    return items


def _pinned(pod, name, item):
    """Return the id of the system whose part an item names, None where it names none."""
    if "Resource" not in item:
        return None
    if "chooses_systems" in pod.compositions.quirks:
        raise redfish.bad_request("PropertyUnknown", "The property Resource is not known.")
    link = item["Resource"]
    path = link.get("@odata.id") if isinstance(link, dict) else None
    match = SYSTEM.fullmatch(path) if isinstance(path, str) else None
    if not match or match[1] not in pod.systems or f"/{PARTS[name]}/" not in (match[2] or ""):
        raise redfish.bad_request("PropertyValueNotInList", f"{path!r} is no resource of a system.")
    return match[1]


def _fits(pod, system_id, body, items):
    """Return whether a system has a part for each item, and the sums."""
    parts = {
        "Processors": [systems.processor(pod, system_id, each) for each in systems.PROCESSORS],
        "Memory": [systems.memory(pod, system_id, each) for each in systems.MEMORY],
    }
    for kind, present in parts.items():
        wanted = [each for name, each in items if name == kind]
        if len(wanted) > len(present):
            return False
        for item in wanted:
            for name, (place, amount) in AMOUNTS.items():
                if place == kind and not any(each[amount] >= item.get(name, 0) for each in present):
                    return False
    cores, memory = (sum(each[amount] for each in parts[place]) for place, amount in AMOUNTS.values())
    return body.get(SUMS[0], 0) <= cores and body.get(SUMS[1], 0) <= memory


_ACTION = f"{NODE}/Actions/ComposedNode"
TABLE = (
    ("POST", f"{NODES}/Actions/Allocate", allocate),
    ("POST", rf"{_ACTION}\.Assemble", assemble),
    ("POST", rf"{_ACTION}\.Reset", reset),
    ("POST", rf"{_ACTION}\.ForceDelete", force_delete),
    ("POST", rf"{_ACTION}\.Attach(?:Resource|Endpoint)", attach),
    ("POST", rf"{_ACTION}\.Detach(?:Resource|Endpoint)", detach),
    ("DELETE", NODE, delete),
)
