# SPDX-License-Identifier: Apache-2.0
"""A real Ironic that stands alone, from PyPI, in a virtual environment of its own: API and conductor in one process."""

import pathlib
import signal
import urllib.error
import urllib.request

from tests import environment
from tests.servers import server

REQUIREMENTS = pathlib.Path(__file__).parents[1] / "data" / "ironic" / "requirements.txt"
#: power and management of redfish are real; interfaces that would wait for a ramdisk are those that do nothing
CONFIGURATION = """\
[DEFAULT]
auth_strategy = noauth
rpc_transport = none
host = ironic
my_ip = 127.0.0.1
state_path = {folder}
tempdir = {folder}
enabled_hardware_types = redfish,fake-hardware
enabled_bios_interfaces = no-bios
enabled_boot_interfaces = redfish-virtual-media,fake
enabled_console_interfaces = no-console
enabled_deploy_interfaces = ramdisk,fake
enabled_firmware_interfaces = no-firmware
enabled_inspect_interfaces = no-inspect
enabled_management_interfaces = redfish,fake
enabled_network_interfaces = noop
enabled_power_interfaces = redfish,fake
enabled_raid_interfaces = no-raid
enabled_rescue_interfaces = no-rescue
enabled_storage_interfaces = noop
enabled_vendor_interfaces = no-vendor
[api]
host_ip = 127.0.0.1
port = {port}
[conductor]
automated_clean = false
sync_power_state_interval = 1
graceful_shutdown_timeout = 1
[database]
connection = sqlite:///{folder}/ironic.db
[dhcp]
dhcp_provider = none
[oslo_concurrency]
lock_path = {folder}
"""


def install():
    """Return the folder of the commands; the first call installs them."""
    return environment.install("ironic", REQUIREMENTS)


class Ironic(server.Server):
    """Has no node; ``url`` is the root of its API, which takes requests of everybody."""

    # The conductor is a child process, which SIGKILL of the parent would leave behind.
    end_signal = signal.SIGTERM

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def prepare(self):
        self._file.write_text(CONFIGURATION.format(folder=self.folder, port=self.port))
        self.execute(install() / "ironic-dbsync", "--config-file", self._file, "create_schema")

    def spawn(self):
        self.spawn_process(install() / "ironic", "--config-file", self._file)

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/v1/drivers/redfish", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    @property
    def _file(self):
        return self.folder / "ironic.conf"
