# SPDX-License-Identifier: Apache-2.0
"""What Redfish knows of a machine: its identity and addresses, and its inventory as ironic-python-agent reports it.

So readers of introspection data need not care about the source. Facts that only an operating system sees, such as names
of disks, neighbours on the network or flags of processors, are null. ``walker`` is a collection_pages.Walker.
"""

import ipaddress
import math

from valence.podmanagers import base
from valence.podmanagers.redfish.crawl import properties


def identify(walker, url):
    """Return the Machine at ``url``. Parts that are missing say nothing."""
    system = system_of(walker, url)
    interfaces = list(walker.members(system.get("EthernetInterfaces")))
    macs = [each.get(name) for each in interfaces for name in ("MACAddress", "PermanentMACAddress")]
    told = [address for manager in managers(walker, system) for address in addresses(walker, manager)]
    macs, told = ([text for text in texts if isinstance(text, str)] for texts in (macs, told))
    return base.Machine(macs, told, system.get("UUID"), system.get("SerialNumber"))


def system_of(walker, url):
    """Return the document of the system at ``url``, or of the one that the composed node there is made of."""
    return with_system(walker, url)[1]


def with_system(walker, url):
    """Return the document at ``url``, and that of its system, the same one unless it is a composed node."""
    document = walker.read(url)
    other = walker.path(mapping(document.get("Links")).get("ComputerSystem"))
    return document, walker.read(other) if other else document


def managers(walker, system):
    """Yield the documents of the managers of a system."""
    yield from walker.members(listing(mapping(system.get("Links")).get("ManagedBy")))


def addresses(walker, manager):
    """Yield what a manager's network interfaces have as addresses."""
    for interface in walker.members(manager.get("EthernetInterfaces")):
        for name in ("IPv4Addresses", "IPv6Addresses", "IPv4StaticAddresses"):
            yield from (mapping(each).get("Address") for each in listing(interface.get(name)))


def path_of(link):
    """Return what a link holds, or None."""
    return properties.reference(link)


def mapping(value):
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value):
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


MIB, GIB = 1024**2, 1024**3
#: a smaller disk is none to install a system on, to ironic-python-agent
SMALLEST_ROOT_DISK = 4 * GIB
#: Redfish's names of instruction sets -> those of operating systems
ARCHITECTURES = {
    "x86": "i686",
    "x86-64": "x86_64",
    "ARM-A32": "arm",
    "ARM-A64": "aarch64",
    "PowerISA": "ppc64le",
}
BOOT_MODES = {"UEFI": "uefi", "Legacy": "bios"}
#: forms of identifiers of a drive that operating systems call its world wide name
WORLD_WIDE = ("NAA", "EUI")


def inspect(walker, url):
    """Return the document of the system at ``url``; ``walker`` is a collection_pages.Walker."""
    system = system_of(walker, url)
    disks = list(_disks(walker, system))
    memory = list(walker.members(system.get("Memory")))
    large = [disk for disk in disks if (disk["size"] or 0) >= SMALLEST_ROOT_DISK]
    return {
        "inventory": {
            "interfaces": [_interface(each) for each in walker.members(system.get("EthernetInterfaces"))],
            "cpu": _cpu(system, list(walker.members(system.get("Processors")))),
            "memory": _memory(system, memory),
            "disks": disks,
            "system_vendor": _vendor(system),
            "boot": {"current_boot_mode": _boot_mode(system), "pxe_interface": None},
            "hostname": _text(system.get("HostName")),
            **_bmc(walker, system),
        },
        "root_disk": min(large, key=lambda disk: disk["size"]) if large else None,
        "pci_devices": list(_pci_devices(walker, system)),
        "dmi": {"memory": {"devices": [_module(each) for each in memory if _is_there(each)]}},
        "extra": {"system": {"product": {"uuid": _text(system.get("UUID"))}}},
        "unread": sorted(walker.unread),
        "error": None,
    }


def _interface(each):
    ipv4, ipv6 = (
        next((_text(mapping(address).get("Address")) for address in listing(each.get(name))), None)
        for name in ("IPv4Addresses", "IPv6Addresses")
    )
    link = each.get("LinkStatus")
    return {
        "name": _text(each.get("Id")),
        "mac_address": (_text(each.get("MACAddress") or each.get("PermanentMACAddress")) or "").lower()
        or None,
        "ipv4_address": ipv4,
        "ipv6_address": ipv6,
        "has_carrier": link == "LinkUp" if isinstance(link, str) else None,
        "speed_mbps": _number(each.get("SpeedMbps")),
        **dict.fromkeys(("lldp", "vendor", "product", "client_id", "biosdevname")),
    }


def _cpu(system, processors):
    cpus = [each for each in processors if each.get("ProcessorType", "CPU") == "CPU" and _is_there(each)]
    summary, first = mapping(system.get("ProcessorSummary")), cpus[0] if cpus else {}
    threads = sum(_number(each.get("TotalThreads")) or _number(each.get("TotalCores")) or 0 for each in cpus)
    known = (summary.get(name) for name in ("LogicalProcessorCount", "CoreCount", "Count"))
    speed = _number(first.get("MaxSpeedMHz"))
    instructions = _text(first.get("InstructionSet"))
    return {
        "model_name": _text(first.get("Model")) or _text(summary.get("Model")),
        "frequency": str(speed) if speed else None,
        "count": threads or next(filter(None, map(_number, known)), None),
        "architecture": ARCHITECTURES.get(instructions, instructions),
        "flags": [],
        "socket_count": len(cpus) or _number(summary.get("Count")),
    }


def _memory(system, modules):
    mebibytes = sum(_number(each.get("CapacityMiB")) or 0 for each in modules if _is_there(each))
    if not mebibytes:
        told = mapping(system.get("MemorySummary")).get("TotalSystemMemoryGiB")
        mebibytes = _number(told * 1024) or 0 if isinstance(told, (int, float)) else 0
    return {"total": mebibytes * MIB or None, "physical_mb": mebibytes or None}


def _module(each):
    return {
        "locator": _text(each.get("DeviceLocator")) or _text(each.get("Id")),
        "size_mb": _number(each.get("CapacityMiB")),
        "type": _text(each.get("MemoryDeviceType")),
        "speed_mhz": _number(each.get("OperatingSpeedMhz")),
        "manufacturer": _text(each.get("Manufacturer")),
        "part_number": _text(each.get("PartNumber")),
        "serial_number": _text(each.get("SerialNumber")),
    }


def _disks(walker, system):
    found = False
    for storage in walker.members(system.get("Storage")):
        for drive in walker.members(storage.get("Drives")):
            if _is_there(drive):
                found = True
                yield _drive(drive)
    if found:
        return
    for storage in walker.members(system.get("SimpleStorage")):
        for device in map(mapping, listing(storage.get("Devices"))):
            if _is_there(device):
                yield _drive(device)


def _drive(drive):
    names = [mapping(each) for each in listing(drive.get("Identifiers"))]
    wide = (_text(each.get("DurableName")) for each in names if each.get("DurableNameFormat") in WORLD_WIDE)
    media = _text(drive.get("MediaType"))
    return {
        "name": _text(drive.get("Name")) or _text(drive.get("Id")),
        "model": _text(drive.get("Model")),
        "size": _number(drive.get("CapacityBytes")),
        "rotational": media == "HDD" if media else None,
        "wwn": next(filter(None, wide), None),
        "serial": _text(drive.get("SerialNumber")),
        "vendor": _text(drive.get("Manufacturer")),
        "tran": (_text(drive.get("Protocol")) or "").lower() or None,
        **dict.fromkeys(("wwn_with_extension", "wwn_vendor_extension", "hctl", "by_path")),
    }


def _pci_devices(walker, system):
    for device in walker.members(system.get("PCIeDevices")):
        for function in walker.members(device.get("PCIeFunctions")):
            if _is_there(function):
                yield {
                    "vendor_id": _hexadecimal(function.get("VendorId")),
                    "product_id": _hexadecimal(function.get("DeviceId")),
                    "class": _hexadecimal(function.get("ClassCode")),
                    "revision": _hexadecimal(function.get("RevisionId")),
                    "bus": path_of(function),
                    "numa_node_id": None,
                }


def _vendor(system):
    manufacturer = _text(system.get("Manufacturer"))
    firmware = {"vendor": manufacturer, "version": _text(system.get("BiosVersion")), "build_date": None}
    return {
        "product_name": _text(system.get("Model")),
        "serial_number": _text(system.get("SerialNumber")),
        "manufacturer": manufacturer,
        "firmware": firmware,
    }


def _boot_mode(system):
    return BOOT_MODES.get(_text(mapping(system.get("Boot")).get("BootSourceOverrideMode")))


def _bmc(walker, system):
    """Return the first address of each version of IP that a manager of the system has."""
    found = {"bmc_address": None, "bmc_v6address": None}
    for manager in managers(walker, system):
        for text in addresses(walker, manager):
            try:
                address = ipaddress.ip_address(_text(text) or "")
            except ValueError:
                continue
            name = "bmc_address" if address.version == 4 else "bmc_v6address"
            found[name] = found[name] or (None if address.is_unspecified else str(address))
    return found


def _is_there(each):
    """Whether a part is more than an empty place."""
    return mapping(each.get("Status")).get("State") != "Absent"


def _hexadecimal(value):
    return (_text(value) or "").lower().removeprefix("0x") or None


def _text(value):
    return value.strip() or None if isinstance(value, str) else None


def _number(value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and math.isfinite(value) else None
