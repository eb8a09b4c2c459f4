# SPDX-License-Identifier: Apache-2.0
"""sushy-tools' emulator with its fake driver: a Redfish service with systems only, and many dead links."""

import pathlib
import uuid

import fixtures
import requests

from tests import process
from tests.servers import ports

ROOT = "/redfish/v1"


class SushyEmulator(fixtures.Fixture):
    """The emulator with ``systems`` systems, each with one network interface; ``url`` is its service root.

    Without ``auth_file``, whose lines are ``name:bcrypt hash``, nobody signs in; with it, everybody by HTTP Basic.
    """

    def __init__(self, systems=1, auth_file=None):
        super().__init__()
        self.systems = systems
        self.auth_file = auth_file

    def _setUp(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        port = ports.free_port()
        self.url = f"http://127.0.0.1:{port}{ROOT}"
        settings = {
            "SUSHY_EMULATOR_STATE_DIR": str(folder),
            "SUSHY_EMULATOR_FAKE_SYSTEMS": [self._system(number) for number in range(self.systems)],
            "SUSHY_EMULATOR_AUTH_FILE": self.auth_file and str(self.auth_file),
        }
        config = folder / "emulator.conf"
        config.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
        arguments = ("--fake", "--interface", "127.0.0.1", "--port", port, "--config", config)
        emulator = self.useFixture(process.Process("sushy-emulator", *arguments, folder=folder))
        emulator.wait_until(self._answers)

    def _answers(self):
        try:
            return requests.get(self.url, timeout=60).status_code in (200, 401)
        except requests.ConnectionError:
            return False

    @staticmethod
    def _system(number):
        return {
            "uuid": str(uuid.UUID(int=number + 1, version=4)),
            "name": f"system{number}",
            "power_state": "Off",
            "external_notifier": False,
            "nics": [{"mac": f"00:5c:52:31:{number // 256:02x}:{number % 256:02x}", "ip": "192.0.2.1"}],
        }
