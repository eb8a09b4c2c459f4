# SPDX-License-Identifier: Apache-2.0
"""Documents that a ramdisk sends: read safely, whatever they hold, and the addresses that identify the machine."""

import base64
import binascii
import hashlib
import ipaddress
import json
import re

from valence.common import errors
from valence.common import packing


def parse(data, max_depth=None):
    """Return the object that ``data``, bytes of JSON nested at most ``max_depth`` deep, holds; raise BadRequest."""
    if max_depth and not packing.is_shallow(data, max_depth):
        raise errors.BadRequest(
            reason=f"The document is no JSON, or is nested more than {max_depth} levels deep."
        )
    try:
        found = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or "it holds what JSON has not, or not so large"
        raise errors.BadRequest(reason=f"The document is not JSON: {reason}.") from None
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise errors.BadRequest(reason=f"The document must be a JSON object, and is a {kind}.")
    return found


def dump(document, *, is_sorted=False):
    """Return a document as bytes of JSON, ASCII, that every database keeps; raise BadRequest.

    With ``is_sorted`` equal documents are the same bytes: a storage of objects may give names back in another order.
    """
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False, sort_keys=is_sorted).encode()
    except ValueError:
        raise errors.BadRequest(reason="The document holds a number that JSON has not.") from None


def digest(data):
    """Return the SHA-256 of a content."""
    return hashlib.sha256(data).hexdigest()


def decode_logs(logs):
    """Return the bytes of what a ramdisk sends as ``logs``: base64 of an archive, else the text as it is."""
    if not isinstance(logs, str):
        return dump(logs)
    try:
        return base64.b64decode(logs, validate=True)
    except (binascii.Error, ValueError):
        return logs.encode(errors="replace")


def mapping(value):
    """Return ``value`` if it is an object, else an empty one: ramdisks send null for what they do not know."""
    return value if isinstance(value, dict) else {}


def mappings(value):
    """Return the objects of a list; nothing if it is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value):
    """Return ``value`` if it is a text that says something, else None."""
    return value if isinstance(value, str) and value.strip() else None


def number(value):
    """Return ``value`` if it is a number, or a text of one, as an integer, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def _refuse(name):
    raise ValueError(f"{name} is no JSON")


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
    inventory = mapping(found.get("inventory"))
    vendor = mapping(inventory.get("system_vendor"))
    product = mapping(mapping(mapping(found.get("extra")).get("system")).get("product"))
    interfaces = mappings(inventory.get("interfaces"))
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
