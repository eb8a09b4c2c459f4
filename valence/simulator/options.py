# SPDX-License-Identifier: Apache-2.0
"""Every option of a simulator, said once: arguments of ``Simulator`` and of the command line alike.

A field's metadata holds its ``help`` and the ``metavar`` that tells its unit.
"""

import dataclasses
import functools
import math

#: ways in which a service composes; "none" is a service that only shows its blocks
WAYS = ("blocks", "constrained", "expand", "manifest", "allocate", "none")
#: where capabilities of composition are found
PLACES = ("collection", "zone")
#: what can be erased of storage
ERASABLE = ("drives", "volumes")
#: deviations from the standard that public services and emulators have -> what is different
QUIRKS = {
    "accepts_taken_blocks": "blocks of another system are accepted",
    "requires_id": "a composition without Id is 400; one with the Id of another system overwrites it",
    "no_placeholders": "{} and null in an array of a PATCH are 400",
    "bases_by_links_only": "blocks do not contain the systems that can be expanded",
    "links_of_blocks_only": "systems do not list their blocks",
    "links_of_systems_only": "blocks do not list their systems",
    "zones_of_blocks_only": "zones do not list their blocks",
    "blocks_of_zones_only": "blocks do not list their zones",
    "zones_of_unused_only": "zones list unused blocks only",
    "no_system_type": "composed systems have no SystemType",
    "no_types": "ResourceBlockType is empty",
    "bare_type": "ResourceBlockType is a string",
    "text_reserved": "Reserved is a string",
    "wrong_summaries": "MemorySummary counts MiB where GiB are meant",
    "ignores_reset": "a reset is accepted, and nothing happens",
    "preview_applies": "RequestType Preview composes",
    "misspelled_target": "the target of the action Compose is misspelled; it works",
    "decompose_by_links": "a stanza DecomposeSystem needs Links.ComputerSystems",
    "bare_errors": "the body of an error is a string",
    "nodes_at_root": "the nodes of RSD are linked by the service root itself, not below Oem",
    "other_allocate": "the action that allocates a node is called #ComposedNodesCollection.Allocate",
    "chooses_systems": "links to resources in a request for a node are 400, as with RSD 1.2",
    "endpoint_actions": "nodes have AttachEndpoint and DetachEndpoint, as with RSD 2.1 and 2.2, and no ForceDelete",
    "unlinked_nodes": "nodes do not say which system they stand on",
    "targets_of_first_node": "the actions of all nodes have the targets of the first node",
    "stale_nodes": "a node that was deleted is still answered, and can be deleted again",
    "ended_by_text": "a change of a node whose body is no JSON ends the service",
    "answers_deletion": "the DELETE of a system answers 200 with the number 200 as its body",
}


def option(default, help, metavar=None, choices=()):
    """Return a field; a text with ``choices`` is a list of some of them, separated by commas."""
    metadata = {"help": help, "metavar": metavar, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def names(text):
    """Return the set of names in a list separated by commas."""
    return frozenset(filter(None, (name.strip() for name in text.split(","))))


def limits(text):
    """Return ``{"MaxStorage": 8, …}`` (``@Redfish.ResourceBlockLimits``) for ``"MaxStorage=8,…"``."""
    found = {}
    for pair in names(text):
        name, _, number = pair.partition("=")
        if not (number.isascii() and number.isdigit() and name.startswith(("Min", "Max"))):
            raise ValueError(f"limits cannot be {text!r}: MaxStorage=8 is one")
        found[name] = int(number)
    return dict(sorted(found.items()))


def check(name, kind, value):
    """Raise ValueError unless ``value`` is of ``kind``, not negative, and at most 1 where it is a rate."""
    kinds = (int, float) if kind is float else (kind,)
    if type(value) not in kinds:
        raise ValueError(f"{name} is of type {kind.__name__}, not {value!r}")
    most = 1 if name.endswith("_rate") else math.inf
    if kind in (int, float) and not 0 <= value <= most:
        raise ValueError(f"{name} cannot be {value}: " + ("0 to 1" if most == 1 else "0 or more"))


def check_field(field, value):
    """Raise ValueError unless ``value`` makes sense for a field of a class of ``GROUPS``."""
    check(field.name, field.type, value)
    choices = field.metadata["choices"]
    if choices and (unknown := sorted(names(value) - set(choices))):
        raise ValueError(f"{field.name} cannot be {', '.join(unknown)}: any of {', '.join(choices)}")


def all_of(calls):
    """Return what each of some calls returns; raise one ValueError with the texts of all that they raise."""
    results, problems = [], []
    for call in calls:
        try:
            results.append(call())
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("; ".join(problems))
    return results


class Options:
    """Refuses values that make no sense, with a ValueError that names every such option."""

    def __post_init__(self):
        fields = dataclasses.fields(self)
        all_of(functools.partial(check_field, field, getattr(self, field.name)) for field in fields)


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
    composition: str = option(
        "blocks",
        f"ways to compose, separated by commas: {', '.join(WAYS)}; empty, or only allocate: no CompositionService",
        "WAYS",
        WAYS,
    )
    system_blocks: int = option(1, "systems in a rack that are a resource block each, and can be expanded")
    compute_blocks: int = option(0, "resource blocks in a rack with processors, memory and a network port")
    memory_blocks: int = option(0, "resource blocks in a rack with memory")
    storage_blocks: int = option(
        0, "resource blocks in a rack with drives, besides that of the pooled drives"
    )
    network_blocks: int = option(0, "resource blocks in a rack with network ports")
    accelerator_blocks: int = option(0, "resource blocks in a rack with GPUs")
    zones: int = option(1, "zones of resource blocks in a rack; storage is in all of them")
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
class Composition(Options):
    """How systems are composed of resource blocks."""

    compose_seconds: float = option(0, "how long composing, taking apart and erasing take", "SECONDS")
    tasks: bool = option(False, "answer 202 and follow the work by a task monitor")
    task_retry_after: int = option(1, "what Retry-After of a task says", "SECONDS")
    sharing: int = option(1, "systems that one storage block can be part of")
    capabilities: str = option(
        "collection", "where capabilities are, separated by commas: collection, zone", "PLACES", PLACES
    )
    limits: str = option(
        "MinCompute=1,MaxCompute=1,MaxStorage=8", "limits of the capabilities, by type of block", "LIMITS"
    )
    reserve: bool = option(True, "blocks can be reserved")
    block_actions: bool = option(True, "systems have AddResourceBlock and RemoveResourceBlock")
    block_patch: bool = option(True, "the list of a system's blocks can be changed by PATCH")
    refused: str = option(
        "", "ways to compose that are announced and not offered, separated by commas", "WAYS", WAYS
    )
    erase: str = option(
        "drives", "what can be erased, separated by commas: drives, volumes", "KINDS", ERASABLE
    )
    hot_plug: bool = option(True, "blocks come and go while a system is on")
    quirks: str = option("", "deviations from the standard, separated by commas", "NAMES", QUIRKS)
    intruder: float = option(0, "compositions that another client begins or ends", "PER_MINUTE")

    def __post_init__(self):
        super().__post_init__()
        limits(self.limits)


@dataclasses.dataclass(frozen=True)
class Faults(Options):
    """What goes wrong. A rate is a share of requests, from 0 to 1; some say what else they are a share of."""

    latency: float = option(0, "wait before every answer", "MILLISECONDS")
    error_rate: float = option(0, "answer 500, or 503 with Retry-After", "RATE")
    retry_after: int = option(1, "what Retry-After says", "SECONDS")
    cut_rate: float = option(0, "cut the connection in the middle of the answer", "RATE")
    truncate_rate: float = option(0, "answer half of a JSON document", "RATE")
    html_rate: float = option(0, "answer a web page instead of JSON", "RATE")
    hang_rate: float = option(0, "never answer", "RATE")
    dead_rate: float = option(0, "resources that are linked, and always answer 404 or 501", "RATE")
    compose_cut_rate: float = option(0, "compose or take apart, then cut the connection", "RATE")
    compose_silent_rate: float = option(0, "compose or take apart, and never answer", "RATE")
    compose_fail_rate: float = option(0, "fail to compose or to take apart", "RATE")
    compose_stuck_rate: float = option(0, "be Composing for ever", "RATE")
    no_location_rate: float = option(0, "answer 201 or 202 without Location", "RATE")
    no_body_rate: float = option(0, "answer 201 or 202 without a body", "RATE")
    monitor_gone_rate: float = option(0, "task monitors that are 404", "RATE")
    name_ignored_rate: float = option(0, "composed systems with a name and description of their own", "RATE")
    block_fail_rate: float = option(0, "compositions of which a block breaks afterwards", "RATE")
    deaf_delete_rate: float = option(0, "answer 204 to a DELETE of a system, and do nothing", "RATE")
    erase_refused_rate: float = option(0, "refuse to erase a drive or a volume", "RATE")
    erase_interrupted_rate: float = option(0, "begin to erase a drive or a volume, and fail", "RATE")
    stale_state_rate: float = option(0, "blocks that are always said to be Unused", "RATE")
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


GROUPS = (Inventory, Behaviour, Composition, Faults, Listener)


def split(values):
    """Return one object a class of ``GROUPS``, made of ``values``.

    TypeError names what nobody knows, ValueError every value that makes no sense.
    """
    names = {field.name for group in GROUPS for field in dataclasses.fields(group)}
    if unknown := sorted(set(values) - names):
        raise TypeError(f"no such option: {', '.join(unknown)}")
    return all_of(functools.partial(group, **chosen(group, values)) for group in GROUPS)


def chosen(group, values):
    return {field.name: values[field.name] for field in dataclasses.fields(group) if field.name in values}
