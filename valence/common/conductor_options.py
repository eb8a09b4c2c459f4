# SPDX-License-Identifier: Apache-2.0
"""The options of conductors."""

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
