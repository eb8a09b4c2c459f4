# SPDX-License-Identifier: Apache-2.0
"""The table of all resources that the simulator has: path, schema with version, who knows it."""

from valence.simulator.documents import chassis
from valence.simulator.documents import composition
from valence.simulator.documents import equipment
from valence.simulator.documents import fabrics
from valence.simulator.documents import managers
from valence.simulator.documents import storage_services
from valence.simulator.documents import systems
from valence.simulator.tree import Collection
from valence.simulator.tree import Resource


def has_fabrics(pod):
    return pod.inventory.fabrics


def has_composition(pod):
    return pod.inventory.composition


def has_volumes(pod):
    return bool(pod.inventory.volumes)


def has_nodes(pod):
    return bool(pod.inventory.nodes)


def has_equipment(pod):
    return pod.inventory.equipment


# fmt: off
HARDWARE = (
    Collection("Systems", "ComputerSystem.v1_23_0", systems.system_ids, systems.system),
    Collection("Systems/*/Processors", "Processor.v1_20_0", systems.processor_ids, systems.processor),
    Collection("Systems/*/Memory", "Memory.v1_20_0", systems.memory_ids, systems.memory),
    Collection("Systems/*/Storage", "Storage.v1_17_0", systems.storage_ids, systems.storage),
    Collection("Systems/*/Storage/*/Drives", "Drive.v1_20_0", systems.drive_ids, systems.drive),
    Collection("Systems/*/EthernetInterfaces", "EthernetInterface.v1_12_0",
               systems.interface_ids, systems.interface),

    Collection("Chassis", "Chassis.v1_25_0", chassis.chassis_ids, chassis.chassis),
    Resource("Chassis/*/PowerSubsystem", "PowerSubsystem.v1_1_2", chassis.power_subsystem),
    Collection("Chassis/*/PowerSubsystem/PowerSupplies", "PowerSupply.v1_6_0",
               chassis.power_supply_ids, chassis.power_supply),
    Collection("Chassis/*/PCIeDevices", "PCIeDevice.v1_16_0", chassis.pcie_device_ids, chassis.pcie_device),
    Collection("Chassis/*/NetworkAdapters", "NetworkAdapter.v1_11_0",
               chassis.network_adapter_ids, chassis.network_adapter),
    Collection("Chassis/*/NetworkAdapters/*/Ports", "Port.v1_14_0",
               chassis.adapter_port_ids, chassis.adapter_port),
    Collection("Chassis/*/Drives", "Drive.v1_20_0", chassis.drive_ids, chassis.drive),

    Collection("Managers", "Manager.v1_20_0", managers.manager_ids, managers.manager),

    Collection("Fabrics", "Fabric.v1_3_2", fabrics.fabric_ids, fabrics.fabric, has_fabrics),
    Collection("Fabrics/*/Switches", "Switch.v1_9_4", fabrics.switch_ids, fabrics.switch),
    Collection("Fabrics/*/Switches/*/Ports", "Port.v1_14_0", fabrics.port_ids, fabrics.port),
    Collection("Fabrics/*/Zones", "Zone.v1_6_2", fabrics.zone_ids, fabrics.zone),

    Resource("CompositionService", "CompositionService.v1_2_3",
             composition.composition_service, has_composition),
    Collection("CompositionService/ResourceBlocks", "ResourceBlock.v1_4_3",
               composition.block_ids, composition.block),
    Collection("CompositionService/ResourceZones", "Zone.v1_6_2", composition.zone_ids, composition.zone),
    # volatile: it follows the state of a system
    Collection("Nodes", "ComposedNode.v1_1_0",
               composition.node_ids, composition.node, has_nodes, volatile=True),

    Collection("StorageServices", "StorageService.v1_7_0",
               storage_services.service_ids, storage_services.service, has_volumes),
    Collection("StorageServices/*/Volumes", "Volume.v1_10_0",
               storage_services.volume_ids, storage_services.volume),

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
