# SPDX-License-Identifier: Apache-2.0
"""The command ``valence-simulator``, as a process."""

import signal
import subprocess
import sys

import requests

from tests import base
from valence.cmd import simulator
from valence.simulator import options

COMMAND = (sys.executable, "-m", "valence.cmd.simulator")


class CommandTest(base.TestCase):
    def start(self, *more):
        process = subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_prints_its_url_serves_and_stops(self):
        process = self.start("--racks", "1", "--systems", "3", "--no-expand", "--username", "root")
        url = process.stdout.readline().strip()
        root = requests.get(url, timeout=60).json()
        self.assertFalse(root["ProtocolFeaturesSupported"]["ExpandQuery"]["ExpandAll"])
        systems = requests.get(f"{url}/Systems", auth=("root", "password"), timeout=60).json()
        self.assertEqual(3, systems["Members@odata.count"])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(0, process.wait(60))

    def test_serves_tls(self):
        folder = self.make_folder()
        url = self.start("--tls", str(folder)).stdout.readline().strip()
        self.assertEqual(200, requests.get(url, verify=str(folder / "cert.pem"), timeout=60).status_code)

    def test_bad_options_are_all_named(self):
        wrong = ("--racks", "-1", "--error-rate", "2", "--composition", "magic", "--systems", "0")
        done = subprocess.run([*COMMAND, *wrong], capture_output=True, text=True, timeout=180, check=False)
        told = (
            "valence-simulator: racks cannot be -1: 0 or more; "
            f"composition cannot be magic: any of {', '.join(options.WAYS)}; error_rate cannot be 2.0: 0 to 1\n"
        )
        self.assertEqual((1, told), (done.returncode, done.stderr))

    def test_help_shows_examples(self):
        self.assertIn("--error-rate 0.05", simulator.parser().format_help())
