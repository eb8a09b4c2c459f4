# SPDX-License-Identifier: Apache-2.0
"""Every option of a simulator, said once: arguments of ``Simulator`` and of the command line alike.

A field's metadata holds its ``help`` and the ``metavar`` that tells its unit.
"""

import dataclasses
import math


def option(default, help, metavar=None):
    return dataclasses.field(default=default, metadata={"help": help, "metavar": metavar})


def check(name, kind, value):
    """Raise ValueError unless ``value`` is of ``kind``, not negative, and at most 1 where it is a rate."""
    kinds = (int, float) if kind is float else (kind,)
    if type(value) not in kinds:
        raise ValueError(f"{name} is of type {kind.__name__}, not {value!r}")
    if kind in (int, float) and not 0 <= value <= (1 if name.endswith("_rate") else math.inf):
        raise ValueError(f"{name} cannot be {value}")


class Options:
    """Refuses values that make no sense, with a ValueError that names the option."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check(field.name, field.type, getattr(self, field.name))


@dataclasses.dataclass(frozen=True)
class Inventory(Options):
    """What hardware there is; the same options make the same hardware."""

    racks: int = option(2, "racks, over which the systems are spread")
    systems: int = option(8, "systems in all")
    seed: int = option(1, "where uuids, serial numbers, health changes and faults come from")
    systems_per_sled: int = option(4, "systems in one sled")
    power_supplies: int = option(2, "power supplies in a rack")
    pcie_devices: int = option(1, "PCIe devices in a rack")
    network_adapters: int = option(1, "network adapters in a rack, with two ports each")
    drives: int = option(1, "pooled drives in a rack")
    rack_managers: int = option(1, "managers of a rack, besides the pod manager itself")
    nodes: int = option(1, "RSD nodes in a rack")
    fabrics: bool = option(True, "have an Ethernet and a PCIe fabric with a switch a rack")
    composition: bool = option(True, "have a CompositionService with two resource blocks a rack")
    volumes: int = option(2, "volumes of the StorageService; with 0 there is no such service")
    equipment: bool = option(
        False, "have more parts: ports, controllers, functions, fans, sensors, power and cooling equipment"
    )


@dataclasses.dataclass(frozen=True)
class Behaviour(Options):
    """How the Redfish service behaves when all is well."""

    username: str = option("admin", "user who may sign in")
    password: str = option("password", "password of this user")
    session_seconds: float = option(1800, "idle time after which a session ends", "SECONDS")
    expand: bool = option(True, "offer $expand")
    expand_levels: int = option(6, "$levels that $expand goes at most")
    refuse_queries: bool = option(False, "answer 501 to query options that are not offered, not silence")
    page_size: int = option(0, "members in one page of a collection; 0: all of them")
    etags: bool = option(True, "send ETags and answer 304")
    events: bool = option(True, "have an EventService, to which one can subscribe")
    event_stream: bool = option(True, "offer its events as a stream (SSE), too")
    event_types: bool = option(False, "want subscriptions by EventTypes, as services before 2018 do")
    event_retry_seconds: float = option(5, "pause between two tries to deliver an event", "SECONDS")
    power_seconds: float = option(2, "how long a change of power takes", "SECONDS")
    health_changes: float = option(0, "systems that change their health by themselves", "PER_MINUTE")


@dataclasses.dataclass(frozen=True)
class Faults(Options):
    """What goes wrong. A rate is a share of requests, from 0 to 1; ``dead_rate`` one of resources."""

    latency: float = option(0, "wait before every answer", "MILLISECONDS")
    error_rate: float = option(0, "answer 500, or 503 with Retry-After", "RATE")
    retry_after: int = option(1, "what Retry-After says", "SECONDS")
    cut_rate: float = option(0, "cut the connection in the middle of the answer", "RATE")
    truncate_rate: float = option(0, "answer half of a JSON document", "RATE")
    html_rate: float = option(0, "answer a web page instead of JSON", "RATE")
    hang_rate: float = option(0, "never answer", "RATE")
    dead_rate: float = option(0, "resources that are linked, and always answer 404 or 501", "RATE")
    fault_paths: str = option(
        "", "regular expression: faults but latency happen at these paths only", "REGEX"
    )


@dataclasses.dataclass(frozen=True)
class Listener(Options):
    """Where the simulator listens."""

    host: str = option("127.0.0.1", "address to listen at")
    port: int = option(0, "port to listen at; 0: a free one")
    tls_cert: str = option("", "certificate file (PEM): listen with TLS", "FILE")
    tls_key: str = option("", "key file (PEM) of --tls-cert", "FILE")
    tls: str = option(
        "", "listen with TLS and a self-signed certificate, made in this folder if missing", "FOLDER"
    )


GROUPS = (Inventory, Behaviour, Faults, Listener)


def split(values):
    """Return one object a class of ``GROUPS``, made of ``values``; TypeError names what nobody knows."""
    names = {field.name for group in GROUPS for field in dataclasses.fields(group)}
    if unknown := sorted(set(values) - names):
        raise TypeError(f"no such option: {', '.join(unknown)}")
    return [group(**chosen(group, values)) for group in GROUPS]


def chosen(group, values):
    return {field.name: values[field.name] for field in dataclasses.fields(group) if field.name in values}
