# SPDX-License-Identifier: Apache-2.0
"""What is different between two documents of a machine: which hardware came, went or changed.

Things in lists are known by what tells them apart, a disk by its serial number, so that a disk that another order gave
another place is not another disk.
"""

import collections
import fnmatch
import json
import re

#: parts of a document that tell of hardware; the others tell of the ramdisk, or are made of these
SECTIONS = ("inventory", "pci_devices", "usb_devices", "numa_topology", "dmi", "extra")
#: places in them whose values are other ones at each boot
PASSING = (
    "inventory.hostname",
    "inventory.boot.pxe_interface",
    "inventory.cpu.frequency",
    "inventory.disks*.name",
    "inventory.disks*.hctl",
    "inventory.interfaces*.client_id",
    "inventory.interfaces*.has_carrier",
    "inventory.interfaces*.ipv[46]_address",
    "inventory.interfaces*.lldp*",
    "extra.cpu.*.frequency",
    "extra.disk.*.SMART/*",
    "extra.ipmi.*",
    "extra.network.*.ipv4*",
    "extra.network.*.latency",
    "extra.network.*.link",
)
#: what things in a list are known by, the surest first
IDENTITIES = (
    "mac_address", "serial", "serial_number", "wwn", "bus", "cpu", "name", "locator", "numa_node", "handle", "id",
)  # fmt: skip
ADDED, REMOVED, CHANGED = "added", "removed", "changed"

_is_passing = re.compile("|".join(fnmatch.translate(pattern) for pattern in PASSING)).match


def hardware(old, new):
    """Return the differences between two processed documents that tell of hardware, as ``everything`` does."""
    old, new = ({name: each.get(name) for name in SECTIONS if each.get(name)} for each in (old, new))
    return [each for each in everything(old, new) if not _is_passing(each["path"])]


def everything(old, new):
    """Return ``[{"path", "change": added, removed or changed, "old", "new"}]``, with the values that there are."""
    return list(_compare(old, new, ""))


def _compare(old, new, path):
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_items(old, new, path, f"{path}." if path else "", "")
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, path)
    elif json.dumps(old) != json.dumps(new):
        # A text: True is 1 to Python, and not to JSON.
        yield {"path": path, "change": CHANGED, "old": old, "new": new}


def _compare_items(old, new, path, before, after):
    for name in sorted(old.keys() | new.keys()):
        place = f"{before}{name}{after}"
        if name not in new:
            yield {"path": place, "change": REMOVED, "old": old[name]}
        elif name not in old:
            yield {"path": place, "change": ADDED, "new": new[name]}
        else:
            yield from _compare(old[name], new[name], place)


def _compare_lists(old, new, path):
    identity = next(
        (name for name in IDENTITIES if _tells_apart(name, old) and _tells_apart(name, new)), None
    )
    if identity is not None:
        known = ({str(each[identity]): each for each in every} for every in (old, new))
        yield from _compare_items(*known, path, f"{path}[{identity}=", "]")
        return
    counts = [collections.Counter(json.dumps(each, sort_keys=True) for each in every) for every in (old, new)]
    for text in sorted((counts[0] - counts[1]).elements()):
        yield {"path": path, "change": REMOVED, "old": json.loads(text)}
    for text in sorted((counts[1] - counts[0]).elements()):
        yield {"path": path, "change": ADDED, "new": json.loads(text)}


def _tells_apart(name, every):
    """Whether every thing in a list has a value of this name of its own."""
    if not all(isinstance(each, dict) and each.get(name) not in (None, "") for each in every):
        return False
    return len({str(each[name]) for each in every}) == len(every)
