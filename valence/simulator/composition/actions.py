# SPDX-License-Identifier: Apache-2.0
"""What can be composed through Redfish, but for manifests: actions as ``valence.simulator.actions`` has them."""

from valence.simulator import redfish
from valence.simulator.composition import constrained
from valence.simulator.composition import requests
from valence.simulator.composition import work
from valence.simulator.documents import composed as documents
from valence.simulator.documents import tasks

SYSTEMS = f"{redfish.ROOT}/Systems"
SYSTEM = f"{SYSTEMS}/([^/]+)"
BLOCK = f"{redfish.ROOT}/CompositionService/ResourceBlocks/([^/]+)"


def compose(service, body):
    """Compose a system of blocks, named by the client or chosen for what it needs (DSP0266)."""
    pod = service.pod
    if not pod.compositions.ways & {"blocks", "constrained"}:
        text = "Systems are not composed here."
        raise redfish.RedfishError(405, "OperationNotAllowed", text, Allow="GET, HEAD")
    is_constrained = constrained.is_wanted(body)
    way = "constrained" if is_constrained else "blocks"
    require_offered(pod, way)
    if way not in pod.compositions.ways:
        raise redfish.bad_request("PropertyUnknown", "Systems are composed in another way here.")
    read = constrained.composition if is_constrained else requests.composition
    return service.composer.compose(read(pod, body), SYSTEMS)


def require_offered(pod, way):
    """Raise the 405 of a way to compose that is announced and not offered."""
    if way in pod.compositions.refused:
        text = "Systems are not composed in this way."
        raise redfish.RedfishError(405, "OperationNotAllowed", text, Allow="GET, HEAD")


def decompose(service, body, system_id):
    """Take a composed system apart."""
    system = service.pod.systems[system_id]
    path = f"{SYSTEMS}/{system_id}"
    if not system.is_composed:
        text = "A system that was not composed cannot be taken apart."
        raise redfish.RedfishError(405, "OperationNotAllowed", text, Allow="GET, HEAD, PATCH")
    if service.faults.hits("deaf_delete_rate", path):
        return 204, None, {}
    status, target, headers = service.composer.run(work.Decompose(service.pod, system), path)
    if status == 204 and "answers_deletion" in service.pod.compositions.quirks:
        return 200, 200, headers
    return status, target, headers


def add_block(service, body, system_id):
    """Do ComputerSystem.AddResourceBlock."""
    system = composable(service, system_id, service.pod.compositions.options.block_actions)
    block_id = argument(service, body, system_id)
    if block_id in system.blocks:
        raise redfish.RedfishError(409, requests.IN_USE, f"Resource block '{block_id}' is in use.")
    return replace(service, system, (*documents.block_ids(service.pod, system), block_id), 204)


def remove_block(service, body, system_id):
    """Do ComputerSystem.RemoveResourceBlock."""
    system = composable(service, system_id, service.pod.compositions.options.block_actions)
    block_id = argument(service, body, system_id)
    listed = documents.block_ids(service.pod, system)
    if block_id not in listed:
        raise redfish.bad_request(requests.INVALID, f"Resource block '{block_id}' is not part of the system.")
    return replace(service, system, tuple(each for each in listed if each != block_id), 204)


def argument(service, body, system_id):
    """Return the block that an action names; raise the 412 where its ETags are old."""
    if "ResourceBlock" not in body:
        raise redfish.bad_request("ActionParameterMissing", "The action requires ResourceBlock.")
    block_id = requests.one(service.pod, body["ResourceBlock"])
    service.require_etag(body.get("ComputerSystemETag"), f"{SYSTEMS}/{system_id}")
    service.require_etag(body.get("ResourceBlockETag"), f"{requests.PREFIX}{block_id}")
    return block_id


def patch_blocks(service, links, system_id):
    """Give a system the list of blocks that a PATCH of ``Links`` names."""
    system = composable(service, system_id, service.pod.compositions.options.block_patch)
    listed = links.get("ResourceBlocks") if isinstance(links, dict) and len(links) == 1 else None
    if not isinstance(listed, list):
        raise redfish.bad_request("PropertyNotWritable", "Of Links only the list ResourceBlocks can be set.")
    before = documents.block_ids(service.pod, system)
    return replace(service, system, requests.replaced(service.pod, before, listed), 200)


def composable(service, system_id, is_offered):
    """Return a system whose blocks can be changed in a way; raise the 400 where that is not offered."""
    system = service.pod.systems[system_id]
    if not system.is_composed:
        require_offered(service.pod, "expand")
    if is_offered and (system.is_composed or documents.is_expandable(service.pod, system)):
        return system
    raise redfish.bad_request("ActionNotSupported", "The blocks of this system cannot be changed so.")


def replace(service, system, block_ids, status):
    """Change the blocks of a system to ``block_ids``, its base among them."""
    pod = service.pod
    if documents.is_expandable(pod, system) and system.base not in block_ids:
        raise redfish.bad_request(requests.INVALID, f"Resource block '{system.base}' cannot be removed.")
    wanted = tuple(each for each in block_ids if each != system.base)
    change = work.Replace(pod, system, wanted, status)
    if not pod.compositions.options.hot_plug and system.power != "Off":
        raise redfish.RedfishError(409, "ResourceInStandby", "The system must be off to change its blocks.")
    base = (system.base,) if documents.is_expandable(pod, system) else ()
    requests.check(pod, change.added, (*base, *change.kept))
    requests.check_limits(pod, wanted, ("Min", "Max") if system.is_composed else ("Max",))
    return service.composer.run(change, change.path)


def patch_block(service, body, block_id):
    """Reserve a block, or end that."""
    status = body.get("CompositionStatus")
    if list(body) != ["CompositionStatus"] or not isinstance(status, dict) or list(status) != ["Reserved"]:
        raise redfish.bad_request("PropertyNotWritable", "Only CompositionStatus/Reserved can be set.")
    if not service.pod.compositions.options.reserve:
        raise redfish.bad_request("PropertyNotWritable", "The property Reserved cannot be set.")
    if not isinstance(status["Reserved"], bool):
        raise redfish.bad_request("PropertyValueTypeError", "Reserved is true or false.")
    service.pod.compositions.reserve(block_id, status["Reserved"])
    return 200, f"{requests.PREFIX}{block_id}", {}


def cancel(service, body, task_id):
    """Cancel a task, or forget one that ended."""
    service.pod.tasks.delete(task_id)
    return 204, None, {}


def cancel_by_monitor(service, body, task_id):
    """Cancel the task of a monitor (DSP0266)."""
    service.pod.tasks.monitored(task_id)
    return cancel(service, body, task_id)


TABLE = (
    ("POST", SYSTEMS, compose),
    ("DELETE", SYSTEM, decompose),
    ("POST", f"{SYSTEM}/Actions/ComputerSystem.AddResourceBlock", add_block),
    ("POST", f"{SYSTEM}/Actions/ComputerSystem.RemoveResourceBlock", remove_block),
    ("PATCH", BLOCK, patch_block),
    ("DELETE", f"{tasks.MONITORS}/([^/]+)", cancel_by_monitor),
    ("DELETE", f"{redfish.ROOT}/TaskService/Tasks/([^/]+)", cancel),
)
