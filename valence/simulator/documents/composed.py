# SPDX-License-Identifier: Apache-2.0
"""Systems with resource blocks: those that are composed of them, and those that are expanded by them.

The collections of such a system link to the parts of its blocks, which stay below their blocks.
"""

from valence.simulator import redfish
from valence.simulator.composition import blocks
from valence.simulator.composition import compositions
from valence.simulator.documents import systems


def system(pod, system_id):
    item = pod.systems[system_id]
    document = composed(pod, item) if item.is_composed else systems.system(pod, system_id)
    if not item.is_composed and not is_expandable(pod, item):
        return document
    links = {**document.pop("Links"), **block_links(pod, item)}
    actions = {**document.pop("Actions"), **block_actions(pod, system_id)}
    use_cases = {} if item.is_composed else {"Composition": {"UseCases": ["ExpandableSystem"]}}
    sums = summaries(pod, item, document)
    return {**document, **sums, **use_cases, "Actions": actions, "Links": links}


def is_expandable(pod, item):
    """Say whether a system is the base of compositions."""
    return bool(item.base) and "expand" in pod.compositions.ways


def block_ids(pod, item):
    """Return the ids of all blocks of a system, its base first."""
    return ((item.base,) if is_expandable(pod, item) else ()) + item.blocks


def composed(pod, item):
    place = ("Systems", item.id)
    return {
        "Name": item.name,
        **({"Description": item.description} if item.description else {}),
        **({} if "no_system_type" in pod.compositions.quirks else {"SystemType": "Composed"}),
        "Manufacturer": redfish.MANUFACTURER,
        "SerialNumber": pod.identity.serial("system", item.number),
        "UUID": item.uuid,
        "AssetTag": item.asset_tag,
        "HostName": item.host_name,
        "LocationIndicatorActive": item.indicator,
        "PowerState": item.power,
        "Status": status(pod, item),
        "Boot": systems.boot(item),
        "ProcessorSummary": {"Count": 0, "CoreCount": 0},
        "MemorySummary": {"TotalSystemMemoryGiB": 0},
        "Processors": redfish.link(*place, "Processors"),
        "Memory": redfish.link(*place, "Memory"),
        "Storage": redfish.link(*place, "Storage"),
        "EthernetInterfaces": redfish.link(*place, "EthernetInterfaces"),
        "Actions": {"#ComputerSystem.Reset": systems.reset_action(item.id)},
        "Links": {"ManagedBy": [redfish.link("Managers", "PodManager")]},
    }


def status(pod, item):
    """Return the Status of a composed system: starting until all of its blocks are there."""
    state = pod.compositions.system_state(item)
    if state == compositions.COMPOSING:
        return {**redfish.system_status(item), "State": "Starting"}
    if state == compositions.FAILED or any(map(pod.compositions.is_broken, item.blocks)):
        return {**redfish.system_status(item), "Health": "Critical", "HealthRollup": "Critical"}
    return redfish.system_status(item)


def block_links(pod, item):
    if "links_of_blocks_only" in pod.compositions.quirks:
        return {}
    return {"ResourceBlocks": redfish.links(block_ids(pod, item), "CompositionService", "ResourceBlocks")}


def block_actions(pod, system_id):
    if not pod.compositions.options.block_actions:
        return {}
    names = [f"ComputerSystem.{verb}ResourceBlock" for verb in ("Add", "Remove")]
    place = f"{redfish.ROOT}/Systems/{system_id}/Actions"
    return {f"#{name}": {"target": f"{place}/{name}"} for name in names}


def summaries(pod, item, document):
    """Return the summaries of a system with the parts that its blocks add."""
    processors, memory = document["ProcessorSummary"], document["MemorySummary"]["TotalSystemMemoryGiB"]
    compute = [each for each in item.blocks if blocks.find(pod, each).kind == "Compute"]
    numbers = [len(blocks.part_ids(pod, each, "Processors")) for each in compute]
    cores = sum(number * blocks.cores(pod, each) for number, each in zip(numbers, compute, strict=True))
    memory += sum(
        len(blocks.part_ids(pod, each, "Memory")) * blocks.dimm_mib(pod, each) // 1024 for each in item.blocks
    )
    if "wrong_summaries" in pod.compositions.quirks:
        memory *= 1024
    added = {"Count": processors["Count"] + sum(numbers), "CoreCount": processors["CoreCount"] + cores}
    return {"ProcessorSummary": {**processors, **added}, "MemorySummary": {"TotalSystemMemoryGiB": memory}}


def own(ids):
    """Return the ``ids`` function of parts that only a system with a sled has itself."""
    return lambda pod, system_id, *above: (
        () if pod.systems[system_id].is_composed else ids(pod, system_id, *above)
    )


def parts(name):
    """Return the ``links`` function of a collection: those to the parts of the system's blocks."""
    return lambda pod, system_id, *above: part_links(pod, pod.systems[system_id], name)


def part_links(pod, item, name):
    return [link for block_id in item.blocks for link in blocks.part_links(pod, block_id, name)]


def storage(pod, system_id, number):
    """Return the storage of a system: its own drives and those of its blocks."""
    item = pod.systems[system_id]
    document = systems.storage(pod, system_id, number)
    drives = [] if item.is_composed else document["Drives"]
    drives += part_links(pod, item, "Drives")
    return {**document, "Drives@odata.count": len(drives), "Drives": drives}
