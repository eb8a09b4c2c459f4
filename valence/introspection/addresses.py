# SPDX-License-Identifier: Apache-2.0
"""What a machine is known by: addresses in a ramdisk's document, in the form that introspections wait for them."""

import ipaddress
import re

from valence.introspection import document

ATTRIBUTES = ("bmc_address", "mac", "serial", "uuid")
#: most values of an attribute that a document is looked up by
MOST_VALUES = 256
LONGEST_VALUE = 200

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?:(?::[0-9a-f]{2}){2})?(?:(?::[0-9a-f]{2}){12})?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: serial numbers that makers of boards forget to set
_NO_SERIAL = re.compile(
    r"none|null|unknown|0+|not[ -].*|n/?a|to be filled.*|default string|system serial number|x+"
)


def of_document(found):
    """Return ``{attribute: [values]}`` of a ramdisk's document."""
    inventory = document.mapping(found.get("inventory"))
    vendor = document.mapping(inventory.get("system_vendor"))
    product = document.mapping(
        document.mapping(document.mapping(found.get("extra")).get("system")).get("product")
    )
    interfaces = document.mappings(inventory.get("interfaces"))
    return normal(
        bmc_address=[inventory.get("bmc_address"), inventory.get("bmc_v6address")],
        mac=[interface.get("mac_address") for interface in interfaces],
        serial=[vendor.get("serial_number")],
        uuid=[product.get("uuid")],
    )


def normal(**values):
    """Return ``{attribute: [values]}`` in the form in which they compare, without those that say nothing."""
    return {name: _distinct(FORMS[name], values.get(name, ())) for name in ATTRIBUTES}


def mac(value):
    """Return a MAC address (or InfiniBand's longer one) in lower case with colons, or None."""
    found = value.strip().lower().replace("-", ":") if isinstance(value, str) else ""
    return found if _MAC.fullmatch(found) and found.strip("0:") else None


def bmc_address(value):
    """Return an IP address in its shortest form, or None; ``0.0.0.0`` and ``::/0`` mean that there is none."""
    try:
        address = ipaddress.ip_address(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
    return str(address) if address and not address.is_unspecified else None


def serial(value):
    """Return a serial number in lower case, or None for what is not one."""
    found = value.strip().lower() if isinstance(value, str) else ""
    is_one = 3 < len(found) <= LONGEST_VALUE and found.isprintable() and not _NO_SERIAL.fullmatch(found)
    return found if is_one else None


def uuid(value):
    """Return a UUID in lower case, or None."""
    found = value.strip().lower() if isinstance(value, str) else ""
    return found if _UUID.fullmatch(found) and found.strip("0-") else None


FORMS = {"bmc_address": bmc_address, "mac": mac, "serial": serial, "uuid": uuid}


def _distinct(form, values):
    found = dict.fromkeys(form(value) for value in values)
    return [value for value in found if value is not None][:MOST_VALUES]
