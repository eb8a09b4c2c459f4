# SPDX-License-Identifier: Apache-2.0
"""The hooks ``scheduler``, ``validate_interfaces``, ``extra`` and ``pci_devices``, as ironic-inspector has them."""

import collections

from valence.common import introspection_errors
from valence.introspection import documents
from valence.introspection.hooks import hook

NAME = "validate_interfaces"


class ValidateInterfaces(hook.Hook):
    """Makes ``all_interfaces``, ``interfaces`` (those that booted, or else all), ``macs`` and the BMC's addresses."""

    def before(self, document):
        inventory = documents.mapping(document.get("inventory"))
        if not inventory:
            raise introspection_errors.HookFailed(
                hook=NAME, reason="the hardware inventory is missing or empty"
            )
        booted = boot_mac(document, inventory)
        found = dict(_interfaces(inventory, booted))
        if not found:
            raise introspection_errors.HookFailed(
                hook=NAME, reason="no network interface has a valid MAC address"
            )
        chosen = {name: each for name, each in found.items() if each["pxe"]} or found
        document["all_interfaces"] = found
        document["interfaces"] = {name: dict(each) for name, each in chosen.items()}
        document["macs"] = [each["mac"] for each in chosen.values()]
        document["ipmi_address"] = documents.bmc_address(inventory.get("bmc_address"))
        document["ipmi_v6address"] = documents.bmc_address(inventory.get("bmc_v6address"))


def boot_mac(document, inventory):
    """Return the MAC address that the ramdisk was booted over, or None."""
    boot = documents.mapping(inventory.get("boot"))
    told = boot.get("pxe_interface") or document.get("boot_interface")
    found = documents.mac(told)
    # PXELINUX tells the hardware type before the address, as in 01-52-54-00-12-34-56.
    return found or (documents.mac(told[3:]) if isinstance(told, str) and told[2:3] in "-:" else None)


def _interfaces(inventory, booted):
    for interface in documents.mappings(inventory.get("interfaces")):
        name, mac = documents.text(interface.get("name")), documents.mac(interface.get("mac_address"))
        if name and mac:
            ip = documents.text(interface.get("ipv4_address")) or documents.text(
                interface.get("ipv6_address")
            )
            # The zone of a link-local address, as in fe80::1%eth0, means something inside of the machine only.
            ip = ip and ip.partition("%")[0]
            client_id = documents.text(interface.get("client_id"))
            yield name, {"ip": ip, "mac": mac, "client_id": client_id, "pxe": mac == booted}


WIDTH = 4


class ExtraHardware(hook.Hook):
    """Turns ``data``, rows of section, item, key and value, into ``extra[section][item][key]``.

    ``data`` of another form may come from a collector of the site, and stay as they are.
    """

    def before(self, document):
        rows = document.get("data")
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            return
        del document["data"]
        extra = {}
        for row in rows:
            if len(row) == WIDTH and all(isinstance(part, str) for part in row[:3]):
                section, item, key, value = row
                extra.setdefault(section, {}).setdefault(item, {})[key] = _typed(value)
        document["extra"] = extra


def _typed(value):
    """Return a text that is a whole number as that number."""
    is_number = isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit()
    return documents.number(value) if is_number and len(value) < 19 else value


class PCIDevices(hook.Hook):
    """Makes ``pci_aliases``, ``{name: number}``, of the devices of [processing] pci_aliases that are there."""

    def __init__(self, conf):
        self._names = dict(_alias(text) for text in conf.processing.pci_aliases)

    def after(self, document):
        devices = documents.mappings(document.get("pci_devices"))
        found = collections.Counter(self._names.get(_device(each)) for each in devices)
        named = {name: number for name, number in found.items() if name}
        if named:
            document["pci_aliases"] = named


def _alias(text):
    name, _, device = text.partition("=")
    vendor, _, product = device.partition(":")
    if not (name and vendor and product):
        reason = f"[processing] pci_aliases has {text!r} instead of name=vendor:product"
        raise introspection_errors.HookUnusable(hook="pci_devices", reason=reason)
    return (vendor.lower(), product.lower()), name


def _device(each):
    return str(each.get("vendor_id")).lower(), str(each.get("product_id")).lower()


GIB = 1024**3


class SchedulerFacts(hook.Hook):
    """Makes ``cpus``, ``cpu_arch``, ``memory_mb`` and ``local_gb`` of what the inventory says of them."""

    def after(self, document):
        inventory = documents.mapping(document.get("inventory"))
        cpu, memory = (documents.mapping(inventory.get(name)) for name in ("cpu", "memory"))
        size = documents.number(documents.mapping(document.get("root_disk")).get("size"))
        facts = {
            "cpus": documents.number(cpu.get("count")),
            "cpu_arch": documents.text(cpu.get("architecture")),
            "memory_mb": documents.number(memory.get("physical_mb")),
            # One GiB stays free for what partitioning needs.
            "local_gb": max(0, size // GIB - 1) if size else 0,
        }
        document.update({name: value for name, value in facts.items() if value is not None})
