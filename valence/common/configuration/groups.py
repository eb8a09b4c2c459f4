# SPDX-License-Identifier: Apache-2.0
"""The options of the groups [conductor], [processing] and [quota]."""

from oslo_config import cfg

CONDUCTOR = [
    cfg.IntOpt(
        "workers",
        default=32,
        min=1,
        help="Live documents that one conductor reads at the same time, a quarter of them from one pod manager. Pod "
        "managers that do not answer soon are counted apart.",
    ),
    cfg.IntOpt(
        "detail_threads",
        default=64,
        min=4,
        help="Requests for live documents that one conductor works on at the same time. Each keeps a thread while "
        "hardware answers; more wait in the message bus for any conductor.",
    ),
    cfg.IntOpt(
        "document_threads",
        default=16,
        min=2,
        help="Introspection documents that one conductor takes, processes or sends at the same time. Each needs memory "
        "and processor time in proportion to its size.",
    ),
    cfg.IntOpt(
        "lease_seconds",
        default=10,
        min=3,
        help="Seconds after which a conductor that says nothing is dead and its work is taken over.",
    ),
    cfg.FloatOpt(
        "call_timeout",
        default=2.5,
        min=1,
        max=60,
        help="Seconds that an API or a conductor waits for the answer of a conductor which needs the database alone. "
        "Requests that take longer get 503, and a conductor that failed is noticed after this time. Increase it where "
        "the database is slow, and set it equal on all hosts.",
    ),
    cfg.ListOpt(
        "groups",
        default=["default"],
        help="Groups of pod managers (their conductor_group) that this conductor serves.",
    ),
    cfg.IntOpt(
        "drain_seconds",
        default=30,
        min=1,
        help="Deadline, in seconds, for the whole stop of a conductor: calls are answered, work is handed back, and "
        "sessions and subscriptions are ended. What waits for hardware is interrupted after two seconds.",
    ),
    cfg.IntOpt("event_days", default=30, min=1, mutable=True, help="Days that events are kept."),
    cfg.IntOpt(
        "operation_days", default=30, min=1, mutable=True, help="Days that ended operations are kept."
    ),
    cfg.IntOpt(
        "report_days", default=365, min=1, mutable=True, help="Days that reports of backup jobs are kept."
    ),
    cfg.HostAddressOpt(
        "metrics_host", default="127.0.0.1", help="Address at which the figures for Prometheus are served."
    ),
    cfg.PortOpt(
        "metrics_port",
        min=0,
        help="Port at which they are served, without credentials; 0 takes a free one and logs it. By default a "
        "conductor has no port.",
    ),
]


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
        help="Documents of no machine that is waited for that one address may send in a minute; then all of its "
        "documents are refused with 503 for some seconds. Documents of machines that are waited for are not counted.",
    ),
    cfg.StrOpt(
        "require_token",
        default="booted",
        choices=[
            (
                "never",
                "any client that knows an address of a waiting machine can end its introspection with any data",
            ),
            ("booted", "for introspections whose ramdisk Valence boots, not for those with manage_boot=0"),
            ("always", "for every introspection with a ramdisk"),
        ],
        help="When the document of a ramdisk is taken only with the token that the start of its introspection answered "
        "with, in the header X-Valence-Introspection-Token: '…/v1/continue?token=…'. Clients of ironic-inspector do "
        "not show that header.",
    ),
]


def _limit(name: str, what: str) -> cfg.IntOpt:
    return cfg.IntOpt(
        name,
        default=-1,
        min=-1,
        mutable=True,
        help=f"{what} that the nodes of a project may have together where the project has no limit of its own (PUT "
        "/v1/quotas/PROJECT); -1 is no limit.",
    )


QUOTA = [
    cfg.IntOpt(
        "nodes",
        default=-1,
        min=-1,
        mutable=True,
        help="Nodes that a project may have where it has no limit of its own (PUT /v1/quotas/PROJECT); -1 is no limit. "
        "All conductors need the same limits.",
    ),
    _limit("cores", "Cores of CPUs"),
    _limit("memory_mib", "Memory, in MiB,"),
    _limit("storage_gib", "Storage, in GiB,"),
    _limit("accelerators", "Accelerators"),
]
