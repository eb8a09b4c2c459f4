# SPDX-License-Identifier: Apache-2.0
"""A storage of introspection data that comes with a package of its own, behind valence-all-in-one."""

import contextlib
import textwrap
import threading

import requests

from tests import base
from tests import deployment
from tests import process
from tests import ramdisk

#: the specification's interface and nothing more
MODULE = """
import os
import pathlib
import time

class Shelf:
    def _path(self, node_id, suffix):
        return pathlib.Path(os.environ["SHELF"], f"{node_id}-{suffix}")

    def get(self, node_id, suffix=None):
        return self._path(node_id, suffix).read_bytes()

    def save(self, node_info, data, suffix=None):
        while self._path("hang", None).exists():
            self._path("hangs", None).touch()
            time.sleep(0.1)
        self._path(node_info.uuid, suffix).write_bytes(data)

def broken():
    raise RuntimeError("the shelf has fallen down")
"""
ENTRY_POINTS = """
    [valence.introspection.storage_backend]
    shelf = shelf_of_others:Shelf
    broken = shelf_of_others:broken
"""


def ask_in_vain(url):
    """Ask for something of a process that dies before it has answered."""
    with contextlib.suppress(requests.ConnectionError):
        requests.post(url, timeout=60)


class PlugInTest(base.TestCase):
    time_limit = 120

    def setUp(self):
        super().setUp()
        self.folder, self.packages = self.make_folder(), self.make_folder()
        self.shelf = self.make_folder()
        (self.packages / "shelf_of_others.py").write_text(MODULE)
        about = self.packages / "shelf_of_others-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf-of-others\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(textwrap.dedent(ENTRY_POINTS))
        self.environment = {"PYTHONPATH": str(self.packages), "SHELF": str(self.shelf)}

    def options(self, name):
        file = self.folder / f"{name}.conf"
        file.write_text(f"[processing]\nstorage_backend = {name}\n[sync]\ninterval = 1\n")
        return ("--config-file", file)

    def run_valence(self, name, simulator):
        valence = deployment.AllInOne(self.folder, *self.options(name))
        valence.environment = self.environment
        self.useFixture(valence)
        document = {"name": "pod", "url": simulator.root, "username": "admin", "password": "password"}
        valence.client.post("/v1/pod_managers", document)
        systems = self.wait_for(lambda: valence.client.rows("/v1/systems"), 30)
        return valence, systems[0]

    def test_it_keeps_the_documents(self):
        simulator = self.useFixture(deployment.Simulator(self.folder, racks=1, systems=1))
        valence, system = self.run_valence("shelf", simulator)
        one = f"/introspection/v1/introspection/{system['uuid']}"
        valence.client.post(f"{one}?manage_boot=0")
        self.wait_for(lambda: valence.client.get(one)["state"] == "waiting", 30)
        url = f"{simulator.control.url}{system['resource_url']}/EthernetInterfaces/1"
        interface = requests.get(url, auth=("admin", "password"), timeout=60).json()
        document = ramdisk.document("small", interface["MACAddress"])
        answer = ramdisk.post(f"{valence.client.url}/introspection", document)
        self.assertEqual(200, answer.status_code, answer.text)
        self.assertEqual("finished", valence.client.get(one)["state"])
        self.assertEqual(document, valence.client.get(f"{one}/data/unprocessed"))
        self.assertEqual(2, len(list(self.shelf.iterdir())))
        self.assertIn("storage shelf has get and save only", valence.log())
        self.assertEqual(409, valence.client.request("DELETE", f"{one}/data").status_code)
        self.kill_while_it_saves(valence, one)
        self.assertEqual(document, valence.client.get(f"{one}/data/unprocessed"))
        self.assertEqual(202, valence.client.request("POST", f"{one}?manage_boot=0").status_code)

    def kill_while_it_saves(self, valence, one):
        """Kill Valence while it saves documents, and start it again; wait until the introspection has ended."""
        (self.shelf / "hang-None").touch()
        url = f"{valence.client.url}{one}/data/unprocessed"
        asking = threading.Thread(target=ask_in_vain, args=(url,))
        asking.start()
        self.wait_for((self.shelf / "hangs-None").exists, 30)
        self.assertEqual("reapplying", valence.client.get(one)["state"])
        valence.kill()
        asking.join(60)
        (self.shelf / "hang-None").unlink()
        valence.start()
        self.wait_for(lambda: valence.client.get(one)["state"] == "finished", 30)

    def test_one_that_cannot_be_used_ends_the_start_with_a_line(self):
        options = ("--port", 0, "--state-dir", self.folder, *self.options("broken"))
        valence = process.Process(
            "valence-all-in-one", *options, folder=self.folder, environment=self.environment
        )
        self.useFixture(valence)
        self.assertEqual(1, valence.wait(60))
        self.assertIn("the shelf has fallen down", valence.log())
        self.assertNotIn("Traceback", valence.log())
