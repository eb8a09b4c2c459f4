# SPDX-License-Identifier: Apache-2.0
"""The demo: a simulated pod beside Valence, registered as the pod manager "demo", and a flavor to compose a node by.

It is a site of its own. It writes no database, joins no bus and takes no folder that may belong to a real one.
"""

import argparse
import contextlib
import json

from valence.common import context
from valence.common import errors
from valence.common.configuration import extras

NAME = "demo"
#: what there is to see; blocks are those of a rack
POD = {
    "racks": 2,
    "systems": 8,
    "system_blocks": 0,
    "compute_blocks": 2,
    "storage_blocks": 2,
    "accelerator_blocks": 1,
}
USERNAME, PASSWORD = "admin", "password"
#: what nodes can be composed by; the requirements are in their normal form
FLAVOR = {
    "name": "gpu",
    "description": "A machine with a GPU and a drive of 1 TB.",
    "properties": {
        "processor": {"total_cores": 32},
        "storage": [{"count": 1, "capacity_gib": 1000}],
        "accelerator": [{"count": 1, "type": "GPU"}],
    },
}

#: file that says that the data in a folder are those of a demo
MARK = "demo"
#: file with what clients have changed of the simulated pod
STATE = "simulator.json"
#: what would make the demo a part of a real site: (group, option)
SITE = (("database", "connection"), (None, "transport_url"), ("secrets", "key_file"))


def is_asked_for(argv: list[str]) -> bool:
    """Whether the command line asks for the demo; a configuration file cannot."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--demo", action="store_true")
    return parser.parse_known_args(argv)[0].demo


def require_own_site(conf) -> None:
    """Raise DemoRefused if a file or the environment names the database, the bus or the keys of a site.

    Raises PackageMissing where there is no simulator to show.
    """
    from valence.bus import messaging  # noqa: PLC0415  --help need not wait for these
    from valence.db import options  # noqa: PLC0415

    _server()
    options.register(conf)
    messaging.set_local(conf)
    for group, name in SITE:
        location = conf.get_location(name, group)
        if location is not None and location.location.is_user_controlled:
            where = location.detail or "the environment"
            raise errors.DemoRefused(reason=f"[{group or 'DEFAULT'}] {name} is set in {where}")


def _server():
    with extras.required():
        from valence.simulator import server  # noqa: PLC0415  only the demo needs its packages

        return server


def mark(folder) -> None:
    """Mark a folder as the demo's; raise DemoRefused if it holds the data of something else."""
    if not (folder / MARK).exists() and (folder / "valence.db").exists():
        raise errors.DemoRefused(reason=f"{folder} holds the data of a Valence that is not a demo")
    (folder / MARK).touch()


class Demo:
    """Runs the simulator; it has another port at every start, which is stored with the registered pod manager.

    What is composed stays in a file of ``folder``, beside the data of Valence that know of it.
    """

    def __init__(self, conductor, folder):
        self._conductor = conductor
        self._simulator = _server().Simulator(**POD, username=USERNAME, password=PASSWORD)
        self._simulator.keep(folder / STATE)

    def start(self):
        """Start the simulator and register it, or tell its pod manager where it is now; store the flavor."""
        self._simulator.start()
        mine = context.service_context()
        with contextlib.suppress(errors.Duplicate):  # it was stored by an earlier start
            self._conductor.flavors.create(mine, FLAVOR)
        self._register(mine, f"{self._simulator.url}/redfish/v1")

    def stop(self):
        """Stop the simulator."""
        self._simulator.stop()

    def _register(self, mine, url):
        pod_managers = self._conductor.pod_managers
        for known in self._known(mine):
            pod_managers.update(mine, known["uuid"], {"url": url})
            return
        values = {"name": NAME, "url": url, "username": USERNAME, "password": PASSWORD}
        pod_managers.create(mine, values | {"description": "A simulated pod: valence-simulator."})

    def _known(self, mine):
        found = self._conductor.records.list(mine, "PodManager", filters=[["name", "eq", NAME]], limit=1)
        return json.loads(found["rows"])
