# SPDX-License-Identifier: Apache-2.0
"""The service root, the services behind it, and the managers."""

from valence.simulator import redfish
from valence.simulator import subscriptions
from valence.simulator.documents import equipment
from valence.simulator.documents import nodes


class Services:
    """Documents of services; ``behaviour`` (``options.Behaviour``) decides what they offer."""

    def __init__(self, behaviour):
        self._behaviour = behaviour

    def root(self, pod):
        return {
            "Name": "Pod Manager",
            "RedfishVersion": "1.20.0",
            "UUID": pod.identity.uuid("service root"),
            "Vendor": redfish.MANUFACTURER,
            "Product": "Valence simulator",
            "ProtocolFeaturesSupported": self._features(),
            "Systems": redfish.link("Systems"),
            "Chassis": redfish.link("Chassis"),
            "Managers": redfish.link("Managers"),
            "SessionService": redfish.link("SessionService"),
            **self._events(),
            **optional_services(pod),
            "Links": {"Sessions": redfish.link("SessionService", "Sessions")},
        }

    def has_events(self, pod):
        return self._behaviour.events

    def _events(self):
        return {"EventService": redfish.link("EventService")} if self._behaviour.events else {}

    def _features(self):
        offered = self._behaviour.expand
        expand = {"ExpandAll": offered, "Levels": offered, "Links": offered, "NoLinks": offered}
        if offered:
            expand["MaxLevels"] = self._behaviour.expand_levels
        return {
            "ExpandQuery": expand,
            "TopSkipQuery": True,
            "FilterQuery": False,
            "SelectQuery": False,
            "OnlyMemberQuery": False,
            "ExcerptQuery": False,
        }

    def session_service(self, pod):
        return {
            "Name": "Session Service",
            "ServiceEnabled": True,
            "SessionTimeout": int(self._behaviour.session_seconds),
            "Sessions": redfish.link("SessionService", "Sessions"),
            "Status": redfish.ENABLED,
        }

    def event_service(self, pod):
        return {
            "Name": "Event Service",
            "ServiceEnabled": True,
            "DeliveryRetryAttempts": subscriptions.ATTEMPTS,
            "DeliveryRetryIntervalSeconds": int(self._behaviour.event_retry_seconds),
            **self._event_filters(),
            "Subscriptions": redfish.link("EventService", "Subscriptions"),
            "Status": redfish.ENABLED,
        }

    def _event_filters(self):
        offered = {"EventTypesForSubscription": list(subscriptions.EVENT_TYPES.values())}
        if not self._behaviour.event_types:
            offered = {
                "EventFormatTypes": ["Event"],
                "RegistryPrefixes": [subscriptions.REGISTRY],
                "ResourceTypes": list(subscriptions.RESOURCE_TYPES.values()),
            }
        if self._behaviour.event_stream:
            offered["ServerSentEventUri"] = redfish.STREAM
        return offered


def optional_services(pod):
    inventory = pod.inventory
    found = {}
    if inventory.fabrics:
        found["Fabrics"] = redfish.link("Fabrics")
    if pod.compositions.has_blocks:
        found["CompositionService"] = redfish.link("CompositionService")
    if pod.compositions.options.tasks:
        found["Tasks"] = redfish.link("TaskService")
    if equipment.service_ids(pod):
        found["StorageServices"] = redfish.link("StorageServices")
    if inventory.equipment:
        found |= {name: redfish.link(name) for name in ("PowerEquipment", "ThermalEquipment")}
    if inventory.nodes or nodes.is_offered(pod):
        found |= _nodes(pod)
    return found


def _nodes(pod):
    """Return the link to the nodes of RSD where versions of its API have it."""
    link = {"Nodes": redfish.link("Nodes")}
    is_old = "nodes_at_root" in pod.compositions.quirks
    oem = {"Intel_RackScale": {"ApiVersion": "2.1.0" if is_old else "2.4.0"} | ({} if is_old else link)}
    return {"Oem": oem} | (link if is_old else {})


POD_MANAGER = "PodManager"


def manager_ids(pod):
    numbers = redfish.numbered(pod.inventory.rack_managers)
    return (POD_MANAGER, *(f"{rack.id}-{number}" for rack in pod.racks for number in numbers))


def manager(pod, manager_id):
    chassis, systems = managed(pod, manager_id)
    return {
        "Name": "Pod Manager" if manager_id == POD_MANAGER else f"Rack Manager {manager_id}",
        "ManagerType": "Service" if manager_id == POD_MANAGER else "RackManager",
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "PM-1" if manager_id == POD_MANAGER else "RM-1",
        "SerialNumber": pod.identity.serial("manager", manager_id),
        "UUID": pod.identity.uuid("manager", manager_id),
        "FirmwareVersion": "1.8.0",
        "PowerState": "On",
        "Status": redfish.ENABLED,
        "Links": {
            "ManagerForChassis": redfish.links([item.id for item in chassis], "Chassis"),
            "ManagerForServers": redfish.links([item.id for item in systems], "Systems"),
        },
    }


def managed(pod, manager_id):
    """Return the chassis and the systems of a manager; the pod manager has all racks, no systems."""
    if manager_id == POD_MANAGER:
        return pod.racks, []
    rack = pod.chassis[manager_id.rpartition("-")[0]]
    return [rack, *rack.contains], [system for sled in rack.contains for system in sled.systems]
