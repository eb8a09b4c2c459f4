# SPDX-License-Identifier: Apache-2.0
"""``openstack.connect(cloud="x").rack``: the client as a service of openstacksdk.

openstacksdk calls ``register`` with each connection to a cloud whose ``clouds.yaml`` has the line
``vendor_hook: valence.client.sdk:register``. A program can call it, too.
"""

import typing

from openstack import proxy
from openstack import service_description

from valence import client
from valence.client import rack


class Proxy(rack.Rack, proxy.Proxy):
    """Valence, as a connection of openstacksdk has it."""


class _Located(Proxy):
    """Valence at the URL that the configuration has: its versions are not asked for, which could fail."""

    skip_discovery = True


class Service(service_description.ServiceDescription):  # type: ignore[type-arg]  # older ones take no type
    """How openstacksdk finds Valence: by its type in the catalogue, or by ``rack_endpoint_override``."""

    supported_versions = {"1": Proxy}


def register(connection: typing.Any) -> None:
    """Give a connection of openstacksdk the attribute ``rack``."""
    service = Service(client.SERVICE_TYPE)
    if connection.config.get_endpoint(client.SERVICE_TYPE):
        service.supported_versions = {"1": _Located}
    connection.add_service(service)
