# SPDX-License-Identifier: Apache-2.0
"""Nodes in the manner of Intel RSD."""

from valence.simulator import redfish
from valence.simulator.composition import nodes as states
from valence.simulator.documents import chassis

RESET_TYPES = ("On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "Nmi", "ForceOn")
#: actions of a node, and those that older services have for the last two
ACTIONS = ("Reset", "Assemble", "ForceDelete", "AttachResource", "DetachResource")
OLD_ACTIONS = ("Reset", "Assemble", "AttachEndpoint", "DetachEndpoint")
_INFO = "AttachResourceActionInfo"


class Ids(list):
    """The ids in a collection; some services answer for ``others`` too."""

    def __init__(self, ids, others):
        super().__init__(ids)
        self._others = others

    def __contains__(self, node_id):
        return super().__contains__(node_id) or node_id in self._others


def node_ids(pod):
    is_stale = "stale_nodes" in pod.compositions.quirks
    return Ids(pod.nodes.ids, pod.nodes.deleted if is_stale else ())


def collection(pod):
    """Return the action of the collection."""
    if not is_offered(pod):
        return {}
    is_other = "other_allocate" in pod.compositions.quirks
    name = "#ComposedNodesCollection.Allocate" if is_other else "#ComposedNodeCollection.Allocate"
    return {"Actions": {name: {"target": f"{redfish.ROOT}/Nodes/Actions/Allocate"}}}


def is_offered(pod):
    return "allocate" in pod.compositions.ways


def node(pod, node_id):
    """Return a node; one whose system is gone has failed."""
    item = pod.nodes.known(node_id)
    system = item.system if item.system and pod.systems.get(item.system.id) is item.system else None
    return {
        "Name": item.name,
        "Description": item.description,
        "UUID": pod.identity.uuid("node", item.id),
        "ComposedNodeState": item.state if system else states.FAILED,
        "PowerState": system.power if system else "Off",
        "Status": redfish.system_status(system) if system else {"State": "Absent", "Health": "Critical"},
        **({"Actions": actions(pod, node_id)} if is_offered(pod) else {}),
        "Links": _links(pod, item, system),
    }


def _links(pod, item, system):
    if "unlinked_nodes" in pod.compositions.quirks:
        return {}
    return {
        "ComputerSystem": redfish.link("Systems", system.id) if system else None,
        "Storage": [{"@odata.id": path} for path in item.resources],
        "ManagedBy": [redfish.link("Managers", "PodManager")],
    }


def actions(pod, node_id):
    """Return the actions of a node; some services give all nodes the targets of the first one."""
    quirks = pod.compositions.quirks
    first = pod.nodes.first()
    if "targets_of_first_node" in quirks and first is not None:
        node_id = first.id
    is_old = "endpoint_actions" in quirks
    place = f"{redfish.ROOT}/Nodes/{node_id}/Actions"
    found = {
        f"#ComposedNode.{name}": {"target": f"{place}/ComposedNode.{name}"}
        for name in (OLD_ACTIONS if is_old else ACTIONS)
    }
    found["#ComposedNode.Reset"]["ResetType@Redfish.AllowableValues"] = list(RESET_TYPES)
    if is_old:
        values = [{"@odata.id": path} for path in _free(pod)]
        found["#ComposedNode.AttachEndpoint"]["Resource@Redfish.AllowableValues"] = values
    else:
        found["#ComposedNode.AttachResource"]["@Redfish.ActionInfo"] = f"{place}/{_INFO}"
    return found


def attach_info(pod, node_id):
    """Return what can be attached to a node."""
    resource = {
        "Name": "Resource",
        "Required": True,
        "DataType": "Object",
        "ObjectDataType": "Drive",
        "AllowableValues": [{"@odata.id": path} for path in _free(pod)],
    }
    protocol = {
        "Name": "Protocol",
        "Required": False,
        "DataType": "String",
        "AllowableValues": ["NVMe"],
    }
    return {"Name": "Attach Resource Action Info", "Parameters": [resource, protocol]}


def attachable(pod):
    """Return the paths of the pooled drives of all racks."""
    return [
        f"{redfish.ROOT}/Chassis/{rack.id}/Drives/{number}"
        for rack in pod.racks
        for number in chassis.drive_ids(pod, rack.id)
    ]


def _free(pod):
    return [path for path in attachable(pod) if pod.nodes.having(path) is None]


def is_free(pod, system):
    """Return whether a node can get a system: it is healthy, in no resource block, and in no other node."""
    is_usable = not system.is_composed and not system.base and system.health != "Critical"
    return is_usable and pod.nodes.on(system) is None
