# SPDX-License-Identifier: Apache-2.0
"""A simulator as a process: clients race for its blocks, with an intruder, tasks and faults; nothing is given twice."""

import concurrent.futures
import random

import requests

from tests import base
from tests import process

ROOT = "/redfish/v1"
BLOCKS = f"{ROOT}/CompositionService/ResourceBlocks/Rack1"
CLIENTS, ROUNDS, WANTED = 8, 25, 6
#: of every kind; more than that is for the intruder
NUMBER = 12
OPTIONS = (
    "--racks", 1, "--systems", 0, "--compute-blocks", NUMBER, "--storage-blocks", NUMBER,
    "--accelerator-blocks", NUMBER, "--intruder", 1200, "--compose-seconds", 0.01, "--tasks",
    "--compose-fail-rate", 0.1, "--monitor-gone-rate", 0.1, "--compose-cut-rate", 0.1, "--no-location-rate", 0.1,
)  # fmt: skip


class Client:
    """Composes blocks that it chooses by chance, and takes every system apart that has its name."""

    def __init__(self, url, number):
        self._url = url
        self._name = f"client-{number}"
        self._random = random.Random(number)
        self._session = requests.Session()
        self._session.auth = ("admin", "password")

    def run(self):
        """Return how often a system was composed, refused, and lost on the way; nothing of it is left."""
        results = {"composed": 0, "refused": 0, "unknown": 0}
        with self._session:
            for _ in range(ROUNDS):
                results[self._compose()] += 1
                self._remove_all()
        return results

    def _compose(self):
        numbers = [self._random.randint(1, WANTED) for _ in range(3)]
        kinds = ("Compute", "Storage", "Accelerator")
        links = [f"{BLOCKS}-{kind}{number}" for kind, number in zip(kinds, numbers, strict=True)]
        body = {"Name": self._name, "Links": {"ResourceBlocks": [{"@odata.id": link} for link in links]}}
        answer = self._send("POST", f"{ROOT}/Systems", json=body)
        if answer is None:
            return "unknown"
        if answer.status_code == 409:
            return "refused"
        return "composed" if self._follow(answer) else "unknown"

    def _remove_all(self):
        """Take everything apart that has the client's name, until two looks at the collection find nothing."""
        clean = 0
        while clean < 2:
            mine = self._mine()
            clean = 0 if mine else clean + 1
            for path in mine:
                answer = self._send("DELETE", path)
                if answer is not None:
                    self._follow(answer)
            self._wait_for_tasks()

    def _mine(self):
        answer = self._session.get(f"{self._url}{ROOT}/Systems?$expand=.", timeout=60)
        members = [member for member in answer.json()["Members"] if "Name" in member]
        return [member["@odata.id"] for member in members if member["Name"] == self._name]

    def _wait_for_tasks(self):
        """Wait until no work is under way, of whomever it is."""
        while (
            "Running"
            in self._session.get(f"{self._url}/simulator/compositions", timeout=60).json()["tasks"].values()
        ):
            pass

    def _follow(self, answer):
        """Return whether an action succeeded, as far as its monitor says."""
        while answer is not None and answer.status_code == 202:
            if "Location" not in answer.headers:
                return False
            answer = self._send("GET", answer.headers["Location"])
        return answer is not None and answer.ok

    def _send(self, method, path, **keywords):
        """Return the answer, None where it was cut."""
        try:
            return self._session.request(method, self._url + path, timeout=60, **keywords)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return None


class RaceTest(base.TestCase):
    time_limit = 300

    def test_no_block_is_given_twice_and_nothing_is_left(self):
        folder = self.make_folder()
        simulator = self.useFixture(process.Process("valence-simulator", *OPTIONS, folder=folder))
        simulator.wait_until(lambda: "http" in simulator.log())
        url = simulator.log().strip().splitlines()[-1].removesuffix(ROOT)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            futures = [pool.submit(Client(url, number).run) for number in range(CLIENTS)]
            while not all(future.done() for future in futures):
                self.assert_consistent(url)
        results = [future.result() for future in futures]
        for name in ("composed", "refused", "unknown"):
            self.assertGreater(sum(result[name] for result in results), 0, (name, results))
        systems = self.compositions(url)["systems"]
        self.assertEqual(set(), {system["name"] for system in systems} - {"Intruder"})

    def compositions(self, url):
        return requests.get(f"{url}/simulator/compositions", timeout=60).json()

    def assert_consistent(self, url):
        """Compare the systems with the blocks: each is the other's, and alone."""
        found = self.compositions(url)
        users = {block["path"]: block["systems"] for block in found["blocks"]}
        self.assertEqual([], [path for path, systems in users.items() if len(systems) > 1])
        for system in found["systems"]:
            for block in system["blocks"]:
                self.assertEqual([system["path"]], users.get(block), system)
