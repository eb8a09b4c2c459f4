# SPDX-License-Identifier: Apache-2.0
"""Checks of the broker: hosts, credentials, virtual host, TLS, and messages that wait."""

from valence.bus import inspection
from valence.client.commands.doctor import inventory
from valence.common import errors
from valence.common import words

#: notifications that may wait; of calls none may wait where nobody takes them
DEPTH = 1000
FOUND = {
    "credentials": "The broker {name}:{port} refuses the user {user}.",
    "vhost": "The broker {name}:{port} refuses the virtual host {vhost}.",
    "tls": "TLS with the broker {name}:{port} fails.",
    "unreachable": "The broker {name}:{port} cannot be reached.",
}


def examine(report, conf, examined):
    """Check the brokers of a configuration."""
    if not examined.has_broker:
        return
    try:
        brokers = inspection.inspect(conf)
    except errors.ConfigurationInvalid as error:
        for problem in error.problems:
            report.add("bus.url", problem["detail"], problem["hint"], file=examined.paths[0])
        return
    if not brokers:
        return
    for broker in brokers:
        for host in broker.hosts:
            examine_host(report, host, is_only=broker.queues is None, file=examined.paths[0])
        for queue in broker.queues or ():
            examine_queue(report, queue, broker.hosts[0].vhost)
    examine_calls(report, [queue for broker in brokers[:1] for queue in broker.queues or ()])


def examine_calls(report, queues):
    """Check that the queue of calls exists where conductors are alive; the first broker is that of calls."""
    is_alive = any(row["alive"] for row in report.documents.get("conductors.json", ()))
    is_reached = not any(report.has(f"bus.{kind}") for kind in FOUND)
    if is_alive and is_reached and inspection.CALLS[0] not in {queue.name for queue in queues}:
        found = f"Conductors are alive, but the broker has no queue {inspection.CALLS[0]}."
        report.add("bus.consumers", found, "Conductors use another broker or virtual host.")


def examine_host(report, host, *, is_only, file):
    """Check one host of a broker; where others work, its failure is a warning."""
    names = host._asdict()
    if host.failure:
        found = FOUND[host.failure.kind].format(**names)
        names |= {"host": host.name}
        names.pop("failure")
        severity = "error" if is_only else "warning"
        report.add(f"bus.{host.failure.kind}", found, host.failure.reason, severity=severity, **names)
    elif not host.is_tls and not inventory.is_loopback(host.name):
        found = f"The connection to the broker {host.name}:{host.port} has no TLS."
        reason = "Anybody on the way can read and send messages; see [oslo_messaging_rabbit] ssl."
        report.add("bus.plain", found, reason, file=file)


def examine_queue(report, queue, vhost):
    """Check one queue."""
    if queue.consumers:
        return
    if queue.is_of_calls:
        # Conductors that were stopped leave their queues behind.
        if queue.messages or not report.has("conductors.none"):
            waiting = words.counted(queue.messages, "message waits", "messages wait")
            found = f"Nobody reads the queue {queue.name}, in which {waiting}."
            report.add("bus.consumers", found, "Conductors use another broker or virtual host, or hang.")
    elif queue.messages >= DEPTH:
        waiting = words.counted(queue.messages, "message waits", "messages wait")
        found = f"{waiting} in the queue {queue.name}."
        reason = "Nobody reads it; set a policy with a limit, or [notifications] enabled = false."
        report.add("bus.depth", found, reason, vhost=vhost)
