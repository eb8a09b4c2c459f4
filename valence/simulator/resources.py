# SPDX-License-Identifier: Apache-2.0
"""The table of all resources that the simulator has: path, schema with version, who knows it.

Which resource is at which URL: a tree of path segments, where ``*`` is any member of the collection above.

Nothing is kept for a resource: a document is built when it is asked for, so that a big pod starts at once.
"""

import dataclasses
import typing

from valence.simulator import redfish
from valence.simulator.documents import capabilities
from valence.simulator.documents import chassis
from valence.simulator.documents import composed
from valence.simulator.documents import composition
from valence.simulator.documents import equipment
from valence.simulator.documents import fabrics
from valence.simulator.documents import nodes
from valence.simulator.documents import services
from valence.simulator.documents import systems
from valence.simulator.documents import tasks
from valence.simulator.storage import erasing


@dataclasses.dataclass(frozen=True)
class Resource:
    """A kind of resource: ``build(pod, *ids)`` gives its properties, ``ids`` are those in its path.

    ``present(pod)`` says whether the pod has it at all. A ``volatile`` one changes without notice.
    """

    path: str
    schema: str
    build: typing.Callable
    present: typing.Callable = lambda pod: True
    volatile: bool = False


@dataclasses.dataclass(frozen=True)
class Collection:
    """All members of one kind at ``path``: ``ids(pod, *ids)`` lists them, ``build(pod, *ids)`` gives one.

    ``links(pod, *ids)`` are links to members that are elsewhere, ``annotations(pod, *ids)`` further properties.
    With ``volatile_members`` the members change without notice, the collection does not.
    """

    path: str
    schema: str
    ids: typing.Callable
    build: typing.Callable
    present: typing.Callable = lambda pod: True
    volatile: bool = False
    links: typing.Callable = lambda pod, *ids: ()
    annotations: typing.Callable = lambda pod, *ids: {}
    volatile_members: bool = False


class Tree:
    """Finds the documents of ``pod`` by path; ``table`` holds a Resource or Collection a row."""

    def __init__(self, pod, table):
        self._pod = pod
        self._root = _Node()
        for row in table:
            node = self._root
            for segment in filter(None, row.path.split("/")):
                node = node.children.setdefault(segment, _Node())
            node.row = row
            if isinstance(row, Collection):
                is_volatile = row.volatile or row.volatile_members
                member = Resource(f"{row.path}/*", row.schema, row.build, volatile=is_volatile)
                node.children.setdefault("*", _Node()).row = member

    def find(self, path):
        """Return the row for a URL path and the ids in it, or raise the 404."""
        node, ids = self._root, []
        for segment in self._segments(path):
            above, node = node, node.children.get(segment)
            if node is None:
                node = self._member(above, segment, ids, path)
                ids.append(segment)
            if node.row and not node.row.present(self._pod):
                raise redfish.missing(path)
        if node.row is None:
            raise redfish.missing(path)
        return node.row, ids

    def document(self, path):
        """Return the whole document at ``path`` as a dict; ``Links`` come last."""
        row, ids = self.find(path)
        if isinstance(row, Collection):
            return self._collection(path, row, ids)
        name = row.schema.partition(".")[0]
        head = {
            "@odata.id": path,
            "@odata.type": f"#{row.schema}.{name}",
            "Id": path.rpartition("/")[2] if row.path else "RootService",
        }
        return head | row.build(self._pod, *ids)

    def _member(self, above, segment, ids, path):
        if not isinstance(above.row, Collection) or segment not in above.row.ids(self._pod, *ids):
            raise redfish.missing(path)
        return above.children["*"]

    def _collection(self, path, row, ids):
        name = f"{row.schema.partition('.')[0]}Collection"
        members = [{"@odata.id": f"{path}/{member}"} for member in row.ids(self._pod, *ids)]
        members += row.links(self._pod, *ids)
        return {
            "@odata.id": path,
            "@odata.type": f"#{name}.{name}",
            "Name": name,
            "Members@odata.count": len(members),
            "Members": members,
            **row.annotations(self._pod, *ids),
        }

    @staticmethod
    def _segments(path):
        if path == redfish.ROOT:
            return []
        if not path.startswith(f"{redfish.ROOT}/"):
            raise redfish.missing(path)
        return path[len(redfish.ROOT) + 1 :].split("/")


class _Node:
    def __init__(self):
        self.children = {}
        self.row = None


def has_fabrics(pod):
    return pod.inventory.fabrics


def has_composition(pod):
    return pod.compositions.has_blocks


def has_manifests(pod):
    return "manifest" in pod.compositions.ways


def has_tasks(pod):
    return pod.compositions.options.tasks


def has_volumes(pod):
    return bool(pod.inventory.volumes)


def has_nodes(pod):
    return bool(pod.inventory.nodes) or nodes.is_offered(pod)


def has_equipment(pod):
    return pod.inventory.equipment


# fmt: off
HARDWARE = (
    Collection("Systems", "ComputerSystem.v1_23_0", systems.system_ids, composed.system,
               annotations=capabilities.of_systems),
    Resource("Systems/Capabilities", "ComputerSystem.v1_23_0", capabilities.specific, capabilities.composes),
    Resource("Systems/ConstrainedCompositionCapabilities", "ComputerSystem.v1_23_0",
             capabilities.constrained, capabilities.chooses),
    Collection("Systems/*/Processors", "Processor.v1_20_0",
               composed.own(systems.processor_ids), systems.processor, links=composed.parts("Processors")),
    Collection("Systems/*/Memory", "Memory.v1_20_0",
               composed.own(systems.memory_ids), systems.memory, links=composed.parts("Memory")),
    Collection("Systems/*/Storage", "Storage.v1_17_0", systems.storage_ids, composed.storage),
    Collection("Systems/*/Storage/*/Drives", "Drive.v1_20_0",
               composed.own(systems.drive_ids), systems.drive, links=composed.parts("Drives")),
    Collection("Systems/*/EthernetInterfaces", "EthernetInterface.v1_12_0", composed.own(systems.interface_ids),
               systems.interface, links=composed.parts("EthernetInterfaces")),

    Collection("Chassis", "Chassis.v1_25_0", chassis.chassis_ids, chassis.chassis),
    Resource("Chassis/*/PowerSubsystem", "PowerSubsystem.v1_1_2", chassis.power_subsystem),
    Collection("Chassis/*/PowerSubsystem/PowerSupplies", "PowerSupply.v1_6_0",
               chassis.power_supply_ids, chassis.power_supply),
    Collection("Chassis/*/PCIeDevices", "PCIeDevice.v1_16_0", chassis.pcie_device_ids, chassis.pcie_device),
    Collection("Chassis/*/NetworkAdapters", "NetworkAdapter.v1_11_0",
               chassis.network_adapter_ids, chassis.network_adapter),
    Collection("Chassis/*/NetworkAdapters/*/Ports", "Port.v1_14_0",
               chassis.adapter_port_ids, chassis.adapter_port),
    Collection("Chassis/*/Drives", "Drive.v1_20_0", chassis.drive_ids, chassis.drive, volatile_members=True),

    Collection("Managers", "Manager.v1_20_0", services.manager_ids, services.manager),

    Collection("Fabrics", "Fabric.v1_3_2", fabrics.fabric_ids, fabrics.fabric, has_fabrics),
    Collection("Fabrics/*/Switches", "Switch.v1_9_4", fabrics.switch_ids, fabrics.switch),
    Collection("Fabrics/*/Switches/*/Ports", "Port.v1_14_0", fabrics.port_ids, fabrics.port),
    Collection("Fabrics/*/Zones", "Zone.v1_6_2", fabrics.zone_ids, fabrics.zone),

    Resource("CompositionService", "CompositionService.v1_2_3",
             composition.composition_service, has_composition),
    Collection("CompositionService/ResourceBlocks", "ResourceBlock.v1_4_3",
               composition.block_ids, composition.block, volatile_members=True),
    Collection("CompositionService/ResourceBlocks/*/Processors", "Processor.v1_20_0",
               composition.part_ids("Processors"), composition.processor, volatile=True),
    Collection("CompositionService/ResourceBlocks/*/Memory", "Memory.v1_20_0",
               composition.part_ids("Memory"), composition.memory, volatile=True),
    Collection("CompositionService/ResourceBlocks/*/Drives", "Drive.v1_20_0",
               composition.part_ids("Drives"), composition.drive, volatile=True),
    Collection("CompositionService/ResourceBlocks/*/Storage/1/Volumes", "Volume.v1_10_0",
               erasing.volume_ids, erasing.volume, volatile=True),
    Collection("CompositionService/ResourceBlocks/*/EthernetInterfaces", "EthernetInterface.v1_12_0",
               composition.part_ids("EthernetInterfaces"), composition.interface, volatile=True),
    Collection("CompositionService/ResourceZones", "Zone.v1_6_2",
               composition.zone_ids, composition.zone, volatile=True),
    Collection("CompositionService/FreePool", "ResourceBlock.v1_4_3",
               composition.none, composition.block, has_manifests, volatile=True, links=composition.free),
    Collection("CompositionService/ActivePool", "ResourceBlock.v1_4_3",
               composition.none, composition.block, has_manifests, volatile=True, links=composition.active),
    # volatile: it follows the state of a system
    Collection("Nodes", "ComposedNode.v1_1_0", nodes.node_ids, nodes.node, has_nodes, volatile=True,
               annotations=nodes.collection),
    Resource("Nodes/*/Actions/AttachResourceActionInfo", "ActionInfo.v1_3_0", nodes.attach_info,
             nodes.is_offered, volatile=True),

    Resource("TaskService", "TaskService.v1_2_0", tasks.service, has_tasks),
    Collection("TaskService/Tasks", "Task.v1_7_3", tasks.task_ids, tasks.task, has_tasks, volatile=True),

    Collection("StorageServices", "StorageService.v1_7_0",
               equipment.service_ids, equipment.service, has_volumes),
    Collection("StorageServices/*/Volumes", "Volume.v1_10_0",
               equipment.volume_ids, equipment.volume, volatile_members=True),

    Collection("Systems/*/Processors/*/Ports", "Port.v1_14_0",
               equipment.ids(equipment.PARTS), equipment.plain("Link", PortProtocol="NVLink")),
    Collection("Systems/*/Storage/*/Controllers", "StorageController.v1_8_0",
               equipment.ids(equipment.PARTS), equipment.controller),
    Collection("Systems/*/Storage/*/Controllers/*/Ports", "Port.v1_14_0",
               equipment.ids(equipment.PARTS), equipment.plain("Port", PortProtocol="SAS")),
    Collection("Systems/*/FabricAdapters", "FabricAdapter.v1_5_3",
               equipment.ids(equipment.PARTS), equipment.fabric_adapter),
    Collection("Systems/*/FabricAdapters/*/Ports", "Port.v1_14_0",
               equipment.ids(equipment.PARTS), equipment.plain("Port", PortProtocol="GenZ")),
    Collection("Systems/*/MemoryDomains", "MemoryDomain.v1_5_2",
               equipment.ids(equipment.PARTS), equipment.memory_domain),
    Collection("Systems/*/MemoryDomains/*/MemoryChunks", "MemoryChunks.v1_6_2",
               equipment.ids(equipment.PARTS), equipment.plain("Memory Chunks", MemoryChunkSizeMiB=1024)),
    Resource("Chassis/*/ThermalSubsystem", "ThermalSubsystem.v1_3_2", equipment.thermal_subsystem, has_equipment),
    Collection("Chassis/*/ThermalSubsystem/Fans", "Fan.v1_5_2",
               equipment.ids_of_rack(equipment.FUNCTIONS), equipment.part("Fan")),
    Collection("Chassis/*/PowerSubsystem/Batteries", "Battery.v1_4_0",
               equipment.ids_of_rack(equipment.PARTS), equipment.part("Battery")),
    Collection("Chassis/*/Sensors", "Sensor.v1_10_1",
               equipment.ids_of_rack(equipment.FUNCTIONS), equipment.plain("Temperature", ReadingType="Temperature")),
    Collection("Chassis/*/PCIeDevices/*/PCIeFunctions", "PCIeFunction.v1_6_0",
               equipment.ids_of_rack(equipment.FUNCTIONS), equipment.plain("Function", VendorId="0x10de")),
    Collection("Chassis/*/NetworkAdapters/*/NetworkDeviceFunctions", "NetworkDeviceFunction.v1_9_2",
               equipment.ids_of_rack(equipment.FUNCTIONS), equipment.plain("Function", NetDevFuncType="Ethernet")),
    Collection("Fabrics/*/Endpoints", "Endpoint.v1_8_2",
               equipment.ids(equipment.FUNCTIONS), equipment.plain("Endpoint")),
    Resource("PowerEquipment", "PowerEquipment.v1_2_2", equipment.power_equipment, has_equipment),
    Collection("PowerEquipment/RackPDUs", "PowerDistribution.v1_5_0",
               equipment.ids(equipment.PARTS), equipment.power_distribution, has_equipment),
    Collection("PowerEquipment/RackPDUs/*/Outlets", "Outlet.v1_5_0",
               equipment.ids(equipment.OUTLETS), equipment.plain("Outlet", PowerState="On")),
    Collection("PowerEquipment/PowerShelves", "PowerDistribution.v1_5_0",
               equipment.ids(equipment.PARTS), equipment.power_shelf, has_equipment),
    Collection("PowerEquipment/PowerShelves/*/PowerSupplies", "PowerSupply.v1_6_0",
               equipment.ids(equipment.FUNCTIONS), equipment.part("Power Supply")),
    Resource("ThermalEquipment", "ThermalEquipment.v1_1_2", equipment.thermal_equipment, has_equipment),
    Collection("ThermalEquipment/CDUs", "CoolingUnit.v1_2_1",
               equipment.ids(equipment.PARTS), equipment.cooling_unit, has_equipment),
    Collection("ThermalEquipment/CDUs/*/Pumps", "Pump.v1_2_1",
               equipment.ids(equipment.FUNCTIONS), equipment.part("Pump")),
)
# fmt: on


def table(services, sessions, subscriptions):
    """Return all rows: the hardware and what the service says of itself."""
    return (
        *HARDWARE,
        Resource("", "ServiceRoot.v1_17_0", services.root),
        Resource("SessionService", "SessionService.v1_1_9", services.session_service),
        Collection(
            "SessionService/Sessions", "Session.v1_7_2", sessions.ids, sessions.document, volatile=True
        ),
        Resource("EventService", "EventService.v1_10_3", services.event_service, services.has_events),
        Collection(
            "EventService/Subscriptions",
            "EventDestination.v1_15_0",
            subscriptions.ids,
            subscriptions.document,
            volatile=True,
        ),
    )
