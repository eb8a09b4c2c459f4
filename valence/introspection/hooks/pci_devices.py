# SPDX-License-Identifier: Apache-2.0
"""The hook ``pci_devices``: how many of the PCI devices there are that an operator gave names to."""

import collections

from valence.common import introspection_errors
from valence.introspection import document as documents
from valence.introspection import hook


class PCIDevices(hook.Hook):
    """Makes ``pci_aliases``, ``{name: number}``, of the names in [processing] pci_aliases."""

    def __init__(self, conf):
        self._names = dict(_alias(text) for text in conf.processing.pci_aliases)

    def after(self, document):
        devices = documents.mappings(document.get("pci_devices"))
        found = collections.Counter(self._names.get(_device(each)) for each in devices)
        document["pci_aliases"] = {name: number for name, number in found.items() if name}


def _alias(text):
    name, _, device = text.partition("=")
    vendor, _, product = device.partition(":")
    if not (name and vendor and product):
        reason = f"[processing] pci_aliases has {text!r} instead of name=vendor:product"
        raise introspection_errors.HookUnusable(hook="pci_devices", reason=reason)
    return (vendor.lower(), product.lower()), name


def _device(each):
    return str(each.get("vendor_id")).lower(), str(each.get("product_id")).lower()
