# SPDX-License-Identifier: Apache-2.0
"""Two fabrics, Ethernet and PCIe, each with a switch and a zone a rack."""

from valence.simulator import redfish
from valence.simulator.documents import equipment

PROTOCOLS = ("Ethernet", "PCIe")
PORTS = redfish.numbered(4)


def fabric_ids(pod):
    return PROTOCOLS if pod.inventory.fabrics else ()


def fabric(pod, fabric_id):
    return {
        "Name": f"{fabric_id} Fabric",
        "FabricType": fabric_id,
        "UUID": pod.identity.uuid("fabric", fabric_id),
        "Switches": redfish.link("Fabrics", fabric_id, "Switches"),
        "Zones": redfish.link("Fabrics", fabric_id, "Zones"),
        **equipment.links(pod, "Endpoints")("Fabrics", fabric_id),
        "Status": redfish.ENABLED,
    }


def switch_ids(pod, fabric_id):
    return tuple(f"Switch{number}" for number in pod.rack_numbers)


def switch(pod, fabric_id, switch_id):
    return {
        "Name": f"{fabric_id} {switch_id}",
        "SwitchType": fabric_id,
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "SW-4",
        "SerialNumber": pod.identity.serial("fabric", fabric_id, switch_id),
        "UUID": pod.identity.uuid("fabric", fabric_id, switch_id),
        "PowerState": "On",
        "Ports": redfish.link("Fabrics", fabric_id, "Switches", switch_id, "Ports"),
        "Status": redfish.ENABLED,
        "Links": {"Chassis": redfish.link("Chassis", f"Rack{switch_id.removeprefix('Switch')}")},
    }


def port_ids(pod, fabric_id, switch_id):
    return PORTS


def port(pod, fabric_id, switch_id, number):
    return {
        "Name": f"Port {number}",
        "PortId": number,
        "PortProtocol": fabric_id,
        "PortType": "DownstreamPort",
        "CurrentSpeedGbps": 100,
        "LinkState": "Enabled",
        "LinkStatus": "LinkUp",
        "Status": redfish.ENABLED,
    }


def zone_ids(pod, fabric_id):
    return redfish.numbered(len(pod.racks))


def zone(pod, fabric_id, number):
    return {
        "Name": f"Zone of rack {number}",
        "ZoneType": "ZoneOfEndpoints",
        "Status": redfish.ENABLED,
        "Links": {"InvolvedSwitches": [redfish.link("Fabrics", fabric_id, "Switches", f"Switch{number}")]},
    }
