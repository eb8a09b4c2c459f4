# SPDX-License-Identifier: Apache-2.0
"""The composition service, its resource blocks with their parts, its zones and pools."""

from valence.simulator import redfish
from valence.simulator.composition import blocks
from valence.simulator.documents import capabilities
from valence.simulator.storage import erasing

SERVICE = "CompositionService"
BLOCKS = (SERVICE, "ResourceBlocks")
ZONES = (SERVICE, "ResourceZones")
COMPOSE = f"{redfish.ROOT}/{SERVICE}/Actions/CompositionService.Compose"
#: properties of a block that link to its parts
PARTS = ("Processors", "Memory", "Drives", "EthernetInterfaces")


def composition_service(pod):
    return {
        "Name": "Composition Service",
        "ServiceEnabled": True,
        "AllowOverprovisioning": False,
        "AllowZoneAffinity": False,
        "ResourceBlocks": redfish.link(*BLOCKS),
        "ResourceZones": redfish.link(*ZONES),
        "Status": redfish.ENABLED,
        **manifests(pod),
    }


def manifests(pod):
    """Return what the service says of itself where it composes by manifests."""
    if "manifest" not in pod.compositions.ways:
        return {}
    target = COMPOSE
    if "misspelled_target" in pod.compositions.quirks:
        target = target.replace(f"/{SERVICE}/", "/CompostionService/")
    return {
        "FreePool": redfish.link(SERVICE, "FreePool"),
        "ActivePool": redfish.link(SERVICE, "ActivePool"),
        "Actions": {"#CompositionService.Compose": {"target": target}},
    }


def block_ids(pod):
    return blocks.Ids(pod)


def none(pod):
    """Return the ids of a collection whose members are elsewhere."""
    return ()


def free(pod):
    """Return links to the blocks that no system uses."""
    members = [block_id for block_id in blocks.Ids(pod) if not pod.compositions.number(block_id)]
    return redfish.links(members, *BLOCKS)


def active(pod):
    """Return links to the blocks in use: each of them was touched, or is a base."""
    known = [*pod.compositions.touched, *pod.bases]
    return redfish.links([block_id for block_id in known if pod.compositions.number(block_id)], *BLOCKS)


def block(pod, block_id):
    item = blocks.find(pod, block_id)
    return {
        "Name": f"{item.kind} block {item.number} of {item.rack}",
        "ResourceBlockType": types(pod, item),
        "CompositionStatus": composition_status(pod, item),
        "Status": block_status(pod, block_id),
        **pool(pod, block_id),
        **contents(pod, item),
        "Links": block_links(pod, item),
    }


def types(pod, item):
    quirks = pod.compositions.quirks
    if "no_types" in quirks:
        return []
    return item.types[0] if "bare_type" in quirks else list(item.types)


def composition_status(pod, item):
    compositions, is_stale = pod.compositions, pod.compositions.is_stale(item.id)
    slots = compositions.slots(item.id)
    sharing = {"SharingEnabled": True} if slots > 1 else {}
    return {
        **reserved(compositions, item.id),
        "CompositionState": compositions.state(item.id),
        "SharingCapable": slots > 1,
        **sharing,
        "MaxCompositions": slots,
        "NumberOfCompositions": 0 if is_stale else compositions.number(item.id),
    }


def reserved(compositions, block_id):
    if not compositions.options.reserve:
        return {}
    value = compositions.is_reserved(block_id)
    return {"Reserved": str(value).lower() if "text_reserved" in compositions.quirks else value}


def block_status(pod, block_id):
    is_broken = pod.compositions.is_broken(block_id)
    return {"State": "Enabled", "Health": "Critical"} if is_broken else redfish.ENABLED


def pool(pod, block_id):
    if "manifest" not in pod.compositions.ways:
        return {}
    return {"Pool": "Active" if pod.compositions.number(block_id) else "Free"}


def contents(pod, item):
    """Return links to what a block consists of."""
    if item.kind == "System":
        if "bases_by_links_only" in pod.compositions.quirks:
            return {}
        return {"ComputerSystems": redfish.links([pod.bases[item.id].id], "Systems")}
    found = {name: blocks.part_links(pod, item.id, name) for name in PARTS}
    return {name: links for name, links in found.items() if links}


def block_links(pod, item):
    quirks = pod.compositions.quirks
    links = {"Chassis": [redfish.link("Chassis", item.rack)]}
    if "blocks_of_zones_only" not in quirks:
        links["Zones"] = redfish.links(blocks.zones(pod, item.id), *ZONES)
    users = [system.id for system in pod.compositions.users(item.id)]
    if "links_of_systems_only" not in quirks:
        links["ComputerSystems"] = redfish.links(users, "Systems")
    return links


def part_ids(name):
    """Return the ``ids`` function of the parts of a block by a property of it, such as ``Drives``."""
    return lambda pod, block_id: blocks.part_ids(pod, block_id, name)


def part(pod, block_id, kind, number, **properties):
    """Return what every part of a block has, and its own properties."""
    rack = blocks.find(pod, block_id).rack
    return {
        "Name": f"{kind} {number} of {block_id}",
        "Manufacturer": redfish.MANUFACTURER,
        "SerialNumber": pod.identity.serial("block", block_id, kind, number),
        "Status": redfish.ENABLED,
        **properties,
        "Links": {"Chassis": redfish.link("Chassis", rack)},
    }


def processor(pod, block_id, number):
    if blocks.find(pod, block_id).kind == "Accelerator":
        model, name = blocks.gpu(pod, block_id), pod.identity.uuid("block", block_id, "gpu", number)
        properties = {"ProcessorType": "GPU", "Model": model, "UUID": name}
        return part(pod, block_id, "GPU", number, **properties)
    cores = blocks.cores(pod, block_id)
    properties = {
        "Socket": f"CPU {number}",
        "ProcessorType": "CPU",
        "ProcessorArchitecture": "x86",
        "InstructionSet": "x86-64",
        "Model": blocks.cpu(pod, block_id),
        "MaxSpeedMHz": 3700,
        "TotalCores": cores,
        "TotalThreads": cores * 2,
    }
    return part(pod, block_id, "Processor", number, **properties)


def memory(pod, block_id, number):
    properties = {
        "MemoryType": "DRAM",
        "MemoryDeviceType": "DDR5",
        "CapacityMiB": blocks.dimm_mib(pod, block_id),
        "OperatingSpeedMhz": 4800,
        "DeviceLocator": f"DIMM {number}",
    }
    return part(pod, block_id, "DIMM", number, **properties)


def drive(pod, block_id, number):
    name = pod.identity.uuid("block", block_id, "drive", number)
    properties = {
        "Protocol": "NVMe",
        "MediaType": "SSD",
        "CapacityBytes": blocks.drive_bytes(pod, block_id),
        "Model": "EX-N",
        "Identifiers": [{"DurableNameFormat": "UUID", "DurableName": name}],
        **erasing.offered(
            pod, erasing.DRIVES, f"{redfish.ROOT}/{SERVICE}/ResourceBlocks/{block_id}/Drives/{number}"
        ),
    }
    document = part(pod, block_id, "Drive", number, **properties)
    if erasing.volume_ids(pod, block_id):
        document["Links"]["Volumes"] = [{"@odata.id": erasing.volume_path(block_id, number)}]
    return document


def interface(pod, block_id, number):
    address = pod.identity.mac("block", block_id, number)
    return {
        "Name": f"Ethernet Interface {number} of {block_id}",
        "MACAddress": address,
        "PermanentMACAddress": address,
        "SpeedMbps": blocks.speed_mbps(pod, block_id),
        "InterfaceEnabled": True,
        "LinkStatus": "LinkUp",
        "Status": redfish.ENABLED,
    }


def zone_ids(pod):
    return blocks.zone_ids(pod)


def zone(pod, zone_id):
    rack_id, quirks = zone_id.partition("-")[0], pod.compositions.quirks
    members = [] if "zones_of_blocks_only" in quirks else blocks.of_zone(pod, zone_id)
    if "zones_of_unused_only" in quirks:
        members = [block_id for block_id in members if not pod.compositions.number(block_id)]
    name = rack_id if zone_id == rack_id else f"{rack_id}, {zone_id.rpartition('-')[2]}"
    return {
        "Name": f"Resource zone of {name}",
        "ZoneType": "ZoneOfResourceBlocks",
        "Status": redfish.ENABLED,
        **capabilities.annotation(pod, "zone", [zone_id]),
        "Links": {"ResourceBlocks": redfish.links(members, *BLOCKS)},
    }
