# SPDX-License-Identifier: Apache-2.0
"""The plug-in of python-openstackclient: its commands are those of ``valence``, with ``rack`` before them."""

import argparse
import os
import typing

from valence.client import sdk

# The names that osc-lib looks for.
API_NAME = "rack"
API_VERSION_OPTION = "os_rack_api_version"
API_VERSIONS = {"1": "valence.client.sdk.Proxy"}
DEFAULT_API_VERSION = "1"


def make_client(instance: typing.Any) -> sdk.Proxy:
    """Return the client of a command, on the connection that ``openstack`` has."""
    connection = instance.sdk_connection
    sdk.register(connection)
    proxy: sdk.Proxy = connection.rack
    return proxy


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the option for the version of the API."""
    parser.add_argument(
        "--os-rack-api-version",
        metavar="VERSION",
        default=os.environ.get("OS_RACK_API_VERSION", DEFAULT_API_VERSION),
        help=f"Version of the API of Valence; by default {DEFAULT_API_VERSION}. (OS_RACK_API_VERSION)",
    )
    return parser
