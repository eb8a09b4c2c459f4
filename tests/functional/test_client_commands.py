# SPDX-License-Identifier: Apache-2.0
"""Every example in the help of a command is run against a whole Valence, by ``valence`` and by ``openstack``."""

import importlib
import io
import json
import shlex

import fixtures
from cliff import display

from tests import base
from tests import fake_ironic
from tests import live
from tests.unit.client import console
from valence import client
from valence.client import commands

#: the commands in an order in which their examples work; where an operation fails, its command does
ORDER = (
    "doctor",
    "pod manager create",
    "pod manager list",
    "pod manager show",
    "pod manager set",
    "pod manager unset",
    "pod manager sync",
    "resource list",
    "resource show",
    "system list",
    "system show",
    "rack list",
    "rack show",
    "device list",
    "device show",
    "device set",
    "introspection start",
    "introspection list",
    "introspection show",
    "introspection data",
    "introspection abort",
    "job list",
    "job show",
    "job report",
    "api explain",
    "conductor list",
    "conductor show",
    "flavor create",
    "flavor list",
    "flavor show",
    "flavor set",
    "flavor unset",
    "flavor delete",
    "quota set",
    "quota show",
    "quota list",
    "quota unset",
    "export",
    "apply",
    "node manage",
    "node create",
    "node list",
    "node show",
    "node set",
    "node boot",
    "node power",
    "node device list",
    "node register",
    "node unregister",
    "node attach",
    "node detach",
    "node erase",
    "node delete",
    "operation list",
    "operation show",
    "operation cancel",
    "operation wait",
    "operation retry",
    "event list",
    "event show",
    "event follow",
    "pod manager delete",
)
#: nothing here is composed of blocks, so nothing can be attached, or erased
FAILS = ("node attach", "node detach", "node erase", "operation cancel", "operation wait", "operation retry")
UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
CLOUDS = """
clouds:
  mine:
    auth_type: none
    rack_endpoint_override: {url}
"""


def load(name):
    """Return the class of a command."""
    module, _, kind = commands.entry_point(name).partition(":")
    return getattr(importlib.import_module(module), kind)


class ExampleTest(base.TestCase):
    time_limit = 300

    def setUp(self):
        super().setUp()
        self.useFixture(console.QuietServers())
        self.site = self.useFixture(live.Site(systems=4))
        self.useFixture(fake_ironic.FakeIronic()).configure(self.site.behind.conf)
        url = f"{self.site.pod.url}/redfish/v1"
        self.site.client.post("/v1/pod_managers", {"name": "demo", "url": url, **live.CREDENTIALS})
        self.rack = client.connect(self.site.client.url)
        self.rack.wait_for_operation(self.rack.pod_managers.sync(self.rack.pod_managers.find("demo")))
        self.make_job()
        self.useFixture(fixtures.EnvironmentVariable("VALENCE_ENDPOINT", self.site.client.url))

    def make_job(self):
        """Make the job of the examples, which has run once."""
        at = "/backup/v2/demo"
        self.site.client.post(f"{at}/clients", {"client_id": "node-7", "hostname": "node-7"})
        action = {"action": "backup", "mode": "fs", "storage": "local", "backup_name": "etc"}
        self.site.client.post(f"{at}/actions", {"action_id": "etc", "freezer_action": action})
        job = {"job_id": "nightly", "client_id": "node-7", "job_actions": [{"action_id": "etc"}]}
        self.site.client.post(f"{at}/jobs", job)
        self.site.client.post(f"{at}/jobs/nightly/reports", {"result": "success", "time_elapsed": "40"})

    def failed_operation(self):
        """Return the UUID of an operation that failed: nothing listens at the pod manager row-7."""
        found = self.rack.pod_managers.sync(self.rack.pod_managers.find("row-7")).id
        self.wait_for(lambda: self.rack.operations.get(found).state == "failed", timeout=60)
        return found

    def arguments(self, name):
        """Return the arguments of a command's example, with what there is here instead of what it names."""
        if name in ("resource show", "device show", "device set", "event show"):
            actual = next(getattr(self.rack, f"{name.split()[0]}s")(limit=1)).id
        else:
            actual = self.failed_operation() if name.startswith("operation") else UUID
        free = self.rack.resources.get(
            next(self.rack.devices(device_type="System", state="free", limit=1)).id
        )
        folder = self.make_folder()
        (folder / "password.txt").write_text("secret\n")
        (folder / "site.yaml").write_text("flavors:\n- name: small\n")
        instead = {
            UUID: actual,
            "https://10.0.0.7/redfish/v1": "http://127.0.0.1:9/redfish/v1",
            "password.txt": str(folder / "password.txt"),
            "site.yaml": str(folder / "site.yaml"),
            "System 3": free.name,
            "host-1": next(self.rack.conductors()).id,
        }
        text = load(name).example
        for known, here in instead.items():
            text = text.replace(known, here)
        return shlex.split(text)

    def check(self, name, run):
        """Run the example of a command; ``run`` takes the arguments and returns what was Printed."""
        argv = self.arguments(name)
        is_document = issubclass(load(name), display.DisplayCommandBase)
        if is_document and "-f" not in argv:
            argv += ["-f", "json"]
        printed = run(name, argv)
        if name in FAILS:
            self.assertEqual((1, 1), (printed.code, printed.err.count("\n")), f"{name}: {printed}")
            return
        self.assertEqual((0, ""), (printed.code or 0, printed.err), f"{name} {argv}")
        if is_document and "json" in argv:
            json.loads(printed.out)

    def test_valence(self):
        shell = self.useFixture(console.Console())
        # Which Console hides from commands, so that those of other tests do not reach it.
        self.useFixture(fixtures.EnvironmentVariable("VALENCE_ENDPOINT", self.site.client.url))
        self.assertEqual(sorted(commands.COMMANDS), sorted(ORDER))
        for name in ORDER:
            self.check(name, lambda name, argv: shell.run(*name.split(), *argv))
        self.assertEqual(["demo"], [each.name for each in self.rack.pod_managers()])

    def test_openstack(self):
        """The program itself, in this process: its imports take seconds."""
        from openstackclient import shell  # noqa: PLC0415

        self.useFixture(console.Console())
        file = self.make_folder() / "clouds.yaml"
        file.write_text(CLOUDS.format(url=self.site.client.url))
        self.useFixture(fixtures.EnvironmentVariable("OS_CLIENT_CONFIG_FILE", str(file)))

        def run(name, argv):
            out, err = io.StringIO(), io.StringIO()
            program = ["--os-cloud", "mine", *commands.name_in_openstack(name).split()]
            with fixtures.MonkeyPatch("sys.stdout", out), fixtures.MonkeyPatch("sys.stderr", err):
                code = shell.main([*program, *argv])
            return console.Printed(code, out.getvalue(), err.getvalue())

        for name in ORDER:
            self.check(name, run)
        self.assertEqual(["demo"], [each.name for each in self.rack.pod_managers()])
