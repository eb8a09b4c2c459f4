# SPDX-License-Identifier: Apache-2.0
"""How systems are composed: the annotation of collections and zones, and its capabilities objects (DSP0266)."""

from valence.simulator import redfish
from valence.simulator.composition import blocks

#: way to compose, capabilities object below Systems, and its use case (CollectionCapabilities)
USE_CASES = (
    ("blocks", "Capabilities", "ComputerSystemComposition"),
    ("constrained", "ConstrainedCompositionCapabilities", "ComputerSystemConstrainedComposition"),
)


def of_systems(pod):
    """Return what the collection of systems says about composing."""
    return annotation(pod, "collection", blocks.zone_ids(pod))


def annotation(pod, place, zone_ids):
    """Return the annotation that says how systems are composed, where ``place`` has it."""
    ways = [each for each in USE_CASES if each[0] in pod.compositions.ways]
    if not ways or place not in pod.compositions.places:
        return {}
    entries = [
        {
            "CapabilitiesObject": redfish.link("Systems", name),
            "UseCase": use_case,
            "Links": {
                "TargetCollection": redfish.link("Systems"),
                "RelatedItem": redfish.links(zone_ids, "CompositionService", "ResourceZones"),
            },
        }
        for _, name, use_case in ways
    ]
    kind = "#CollectionCapabilities.v1_4_1.CollectionCapabilities"
    return {"@Redfish.CollectionCapabilities": {"@odata.type": kind, "Capabilities": entries}}


def composes(pod):
    """Say whether systems are composed of blocks that a POST names."""
    return "blocks" in pod.compositions.ways


def chooses(pod):
    """Say whether systems are composed of blocks that the service chooses."""
    return "constrained" in pod.compositions.ways


def constrained(pod):
    """Return what a client may ask for where the service chooses the blocks."""
    asked = {
        "Processors": dict.fromkeys(("ProcessorType", "Model", "TotalCores", "InstructionSet"), "Optional"),
        "Memory": {"CapacityMiB": "Required"},
        "EthernetInterfaces": {"SpeedMbps": "Optional"},
    }
    drives = [member({"CapacityBytes": "Required", "MediaType": "Optional"})]
    storage = {
        "@Redfish.RequestedCountRequired": True,
        **marks("Drives", "RequiredOnCreate"),
        "Drives": drives,
    }
    collections = {name: [member(properties)] for name, properties in asked.items()} | {"Storage": [storage]}
    return {
        "Name": "Capabilities of the collection of systems",
        **texts(),
        **{name: {"Members": members} for name, members in collections.items()},
        **{f"{name}@Redfish.OptionalOnCreate": True for name in collections},
    }


def member(properties):
    """Return the capabilities of a member of a collection; ``properties`` says Required or Optional of each."""
    known = {f"{name}@Redfish.{when}OnCreate": True for name, when in properties.items()}
    return {"@Redfish.RequestedCountRequired": True, **known}


def texts():
    return {
        **marks("Name", "RequiredOnCreate", "SetOnlyOnCreate"),
        **marks("Description", "OptionalOnCreate", "SetOnlyOnCreate"),
        **marks("HostName", "OptionalOnCreate", "UpdatableAfterCreate"),
    }


def specific(pod):
    """Return what a client may send to compose a system (DSP0266, capabilities object)."""
    is_patched = pod.compositions.options.block_patch
    blocks_when = ("RequiredOnCreate", "UpdatableAfterCreate" if is_patched else "SetOnlyOnCreate")
    identity = (
        marks("Id", "RequiredOnCreate", "SetOnlyOnCreate") if "requires_id" in pod.compositions.quirks else {}
    )
    return {
        "Name": "Capabilities of the collection of systems",
        **identity,
        **texts(),
        **marks("Links", "RequiredOnCreate"),
        "Links": marks("ResourceBlocks", *blocks_when),
        "@Redfish.ResourceBlockLimits": pod.compositions.limits,
    }


def marks(name, *annotations):
    return {f"{name}@Redfish.{annotation}": True for annotation in annotations}
