# SPDX-License-Identifier: Apache-2.0
"""The hook ``lldp``: what the switches on the other ends of the cables say (IEEE 802.1AB), by interface."""

import ipaddress

from valence.introspection import documents
from valence.introspection.hooks import hook

CHASSIS_ID, PORT_ID, PORT, SYSTEM, ABOUT, CAPABILITIES, ADDRESS, OWN = 1, 2, 4, 5, 6, 7, 8, 127
#: subtypes of identifiers that are a MAC address, or a network address
MAC_SUBTYPE = {CHASSIS_ID: 4, PORT_ID: 3}
NETWORK_SUBTYPE = {CHASSIS_ID: 5, PORT_ID: 4}
#: what bits of the system capabilities mean, the lowest first
SYSTEM_CAPABILITIES = (
    "Other", "Repeater", "Bridge", "WLAN", "Router", "Telephone", "DOCSIS cable device", "Station only",
    "C-Vlan", "S-Vlan", "TPMR",
)  # fmt: skip
#: what bits of the advertised capabilities mean, the highest first (RFC 4836, ifMauAutoNegCapAdvertisedBits)
ADVERTISED = (
    "Other", "10BASE-T hdx", "10BASE-T fdx", "10BASE-T4", "100BASE-TX hdx", "100BASE-TX fdx", "100BASE-T2 hdx",
    "100BASE-T2 fdx", "PAUSE fdx", "Asym PAUSE fdx", "Sym PAUSE fdx", "Asym and Sym PAUSE fdx", "1000BASE-X hdx",
    "1000BASE-X fdx", "1000BASE-T hdx", "1000BASE-T fdx",
)  # fmt: skip
IEEE_802_1, IEEE_802_3 = b"\x00\x80\xc2", b"\x00\x12\x0f"


class LLDP(hook.Hook):
    """Makes ``lldp_processed`` of every interface that heard something."""

    def after(self, document):
        raw = documents.mapping(document.get("lldp_raw"))
        interfaces = documents.mappings(documents.mapping(document.get("inventory")).get("interfaces"))
        heard = {str(each.get("name")): each.get("lldp") for each in interfaces} | raw
        for table in ("all_interfaces", "interfaces"):
            for name, interface in documents.mapping(document.get(table)).items():
                told = read(heard.get(name))
                if told:
                    interface["lldp_processed"] = told


def read(units):
    """Return what a list of ``[type, hexadecimal value]`` says; what is broken says nothing."""
    told = {}
    for unit in units if isinstance(units, list) else ():
        try:
            kind, value = unit
            _read_one(told, kind, bytes.fromhex(value))
        except (TypeError, ValueError, IndexError):
            continue
    return told


def _read_one(told, kind, value):
    if kind in (CHASSIS_ID, PORT_ID):
        name = "switch_chassis_id" if kind == CHASSIS_ID else "switch_port_id"
        told[name] = _identifier(kind, value[0], value[1:])
    elif kind in TEXTS:
        told[TEXTS[kind]] = _text(value)
    elif kind == CAPABILITIES:
        told["switch_capabilities_support"] = _low_bits(value[0:2])
        told["switch_capabilities_enabled"] = _low_bits(value[2:4])
    elif kind == ADDRESS:
        address = _network(value[1 : 1 + value[0]])
        told.setdefault("switch_mgmt_addresses", []).append(address)
    elif kind == OWN:
        reader = READERS.get((value[:3], value[3]))
        if reader:
            reader(told, value[4:])


TEXTS = {
    PORT: "switch_port_description",
    SYSTEM: "switch_system_name",
    ABOUT: "switch_system_description",
}


def _identifier(kind, subtype, value):
    if subtype == MAC_SUBTYPE[kind]:
        return value.hex(":")
    return _network(value) if subtype == NETWORK_SUBTYPE[kind] else _text(value)


def _network(value):
    """Return an address behind its IANA family number: 1 and 2 are IP's, 6 is a MAC address."""
    family, address = value[0], value[1:]
    return str(ipaddress.ip_address(address)) if family in (1, 2) else address.hex(":")


def _text(value):
    return value.decode("utf-8", "replace").rstrip("\0")


def _number(value):
    if not value:
        raise ValueError("there is no number")
    return int.from_bytes(value)


def _low_bits(value):
    bits = _number(value)
    return [name for place, name in enumerate(SYSTEM_CAPABILITIES) if bits >> place & 1]


def _negotiation(told, value):
    bits = _number(value[1:3])
    names = [name for place, name in enumerate(ADVERTISED) if bits << place & 0x8000]
    mau = _number(value[3:5])
    told["switch_port_autonegotiation_support"] = bool(value[0] & 1)
    told["switch_port_autonegotiation_enabled"] = bool(value[0] & 2)
    told["switch_port_physical_capabilities"] = sorted(names)
    told["switch_port_mau_type"] = f"MAU type {mau}" if mau else "Unknown"


def _aggregation(told, value):
    told["switch_port_link_aggregation_support"] = bool(value[0] & 1)
    told["switch_port_link_aggregation_enabled"] = bool(value[0] & 2)
    told["switch_port_link_aggregation_id"] = _number(value[1:5])


def _mtu(told, value):
    told["switch_port_mtu"] = _number(value[:2])


def _untagged(told, value):
    told["switch_port_untagged_vlan_id"] = _number(value[:2])


def _vlan(told, value):
    vlan = {"id": _number(value[:2]), "name": _text(value[3 : 3 + value[2]])}
    told.setdefault("switch_port_vlans", []).append(vlan)


def _protocol(told, value):
    told.setdefault("switch_protocol_identities", []).append(value[1 : 1 + value[0]].hex())


READERS = {
    (IEEE_802_1, 1): _untagged,
    (IEEE_802_1, 3): _vlan,
    (IEEE_802_1, 4): _protocol,
    (IEEE_802_1, 7): _aggregation,
    (IEEE_802_3, 1): _negotiation,
    (IEEE_802_3, 3): _aggregation,
    (IEEE_802_3, 4): _mtu,
}
