# SPDX-License-Identifier: Apache-2.0
"""The hook ``validate_interfaces``: network interfaces that can be relied on, by name."""

from valence.common import introspection_errors
from valence.introspection import addresses
from valence.introspection import document as documents
from valence.introspection import hook

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
        document["ipmi_address"] = addresses.bmc_address(inventory.get("bmc_address"))
        document["ipmi_v6address"] = addresses.bmc_address(inventory.get("bmc_v6address"))


def boot_mac(document, inventory):
    """Return the MAC address that the ramdisk was booted over, or None."""
    boot = documents.mapping(inventory.get("boot"))
    told = boot.get("pxe_interface") or document.get("boot_interface")
    found = addresses.mac(told)
    # PXELINUX tells the hardware type before the address, as in 01-52-54-00-12-34-56.
    return found or (addresses.mac(told[3:]) if isinstance(told, str) and told[2:3] in "-:" else None)


def _interfaces(inventory, booted):
    for interface in documents.mappings(inventory.get("interfaces")):
        name, mac = documents.text(interface.get("name")), addresses.mac(interface.get("mac_address"))
        if name and mac:
            ip = documents.text(interface.get("ipv4_address")) or documents.text(
                interface.get("ipv6_address")
            )
            client_id = documents.text(interface.get("client_id"))
            yield name, {"ip": ip, "mac": mac, "client_id": client_id, "pxe": mac == booted}
