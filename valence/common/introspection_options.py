# SPDX-License-Identifier: Apache-2.0
"""The options of introspection."""

from oslo_config import cfg

PROCESSING = [
    cfg.StrOpt(
        "storage_backend",
        default="database",
        help="Where introspection data are kept: none, database, file, swift, or what else is installed.",
    ),
    cfg.StrOpt(
        "directory",
        help="Folder of the storage 'file', shared by all conductors; by default state_dir/introspection.",
    ),
    cfg.IntOpt(
        "keep",
        default=3,
        min=1,
        mutable=True,
        help="Versions of its documents that are kept of each machine, the present one among them; with 1 there are "
        "no versions.",
    ),
    cfg.ListOpt(
        "hooks",
        default=["validate_interfaces", "scheduler", "pci_devices", "lldp", "extra"],
        help="Hooks that make the processed document of the unprocessed one, in their order.",
    ),
    cfg.ListOpt(
        "pci_aliases",
        default=[],
        help="PCI devices that the hook pci_devices counts, as name=vendor:product, such as gpu=10de:1db4.",
    ),
    cfg.IntOpt(
        "timeout", default=3600, min=1, help="Seconds after which an introspection fails that hears nothing."
    ),
    cfg.IntOpt(
        "max_body_kib", default=16384, min=1, help="Largest introspection document that is taken, in KiB."
    ),
    cfg.IntOpt("max_json_depth", default=32, min=4, help="Deepest nesting of an introspection document."),
    cfg.BoolOpt(
        "own_process",
        default=True,
        help="Process documents in a process of its own, which each conductor starts when it needs it: so nobody waits "
        "for large documents of others.",
    ),
    cfg.ListOpt(
        "redact",
        default=[],
        help="Places in introspection documents whose values are not kept, as patterns such as "
        "inventory.system_vendor.serial_number. Machines are looked up before.",
    ),
    cfg.IntOpt(
        "documents_per_minute",
        default=60,
        min=1,
        help="Documents that are taken from one address in a minute; more are asked to come later.",
    ),
    cfg.BoolOpt(
        "require_token",
        default=False,
        help="Take the document of a ramdisk only with the token that the start of its introspection answered "
        "with, in the header X-Valence-Introspection-Token: '…/v1/continue?token=…'.",
    ),
]
