# SPDX-License-Identifier: Apache-2.0
"""What a ramdisk does, for tests: sends a sample document in the name of a simulated machine."""

import json
import pathlib

import requests

FOLDER = pathlib.Path(__file__).with_name("data") / "introspection"
SAMPLES = ("small", "medium", "large")


def sample(size):
    """Return the document that a ramdisk of this size of machine sends."""
    return read(f"{size}-unprocessed")


def read(name):
    """Return one of the sample files."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def document(size, mac):
    """Return a sample as the ramdisk sends it that was booted over the interface with this MAC address."""
    found = sample(size)
    interfaces = found["inventory"]["interfaces"]
    for number, interface in enumerate(interfaces):
        interface["mac_address"] = mac.lower() if number == 0 else f"02:00:5e:00:00:{number:02x}"
    found["inventory"]["boot"]["pxe_interface"] = found["boot_interface"] = mac.lower()
    found["inventory"]["bmc_address"] = None
    return found


def post(url, document, **keywords):
    """Return the answer to a document, sent as ironic-python-agent sends it.

    It waits for longer than two requests to a storage and the call over the bus may take.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return requests.post(f"{url}/v1/continue", json.dumps(document), headers=headers, timeout=60, **keywords)
