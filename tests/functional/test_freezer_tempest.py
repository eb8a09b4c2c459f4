# SPDX-License-Identifier: Apache-2.0
"""Freezer's own acceptance tests of its API, and its command line clients, against Valence with a Keystone."""

import functools
import json
import re

from tests import base
from tests import freezer as installation

TESTS = "freezer_tempest_plugin.tests.freezer_api.api"
MODULES = ("actions", "backups", "central", "clients", "jobs", "sessions", "version")
ACCOUNTS = """\
- username: alice
  password: alice
  project_name: {project}
  roles: [member]
- username: bob
  password: bob
  project_name: other-project
  roles: [member]
- username: root
  password: root
  project_name: admin-project
  types: [admin]
  roles: [admin]
"""
CONFIGURATION = """\
[DEFAULT]
log_dir = {folder}
[auth]
use_dynamic_credentials = false
test_accounts_file = {folder}/accounts.yaml
admin_username = root
admin_password = root
admin_project_name = admin-project
admin_domain_name = Default
[identity]
auth_version = v3
uri_v3 = {url}
region = RegionOne
v3_endpoint_type = public
[identity-feature-enabled]
api_v2 = false
[oslo_concurrency]
lock_path = {folder}
[service_available]
freezer = true
"""


class FreezerTempestTest(base.TestCase):
    time_limit = 600

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.site = self.useFixture(installation.Site(self.folder))

    def test_all_34_tests_pass(self):
        values = {"folder": self.folder, "url": self.site.identity.url, "project": installation.PROJECT}
        (self.folder / "accounts.yaml").write_text(ACCOUNTS.format(**values))
        (self.folder / "tempest.conf").write_text(CONFIGURATION.format(**values))
        place = {"TEMPEST_CONFIG_DIR": str(self.folder), "TEMPEST_CONFIG": "tempest.conf"}
        modules = [f"{TESTS}.test_api_{name}" for name in MODULES]
        printed = self.site.run("python", "-m", "testtools.run", *modules, environment=place)
        self.assertIn("Ran 34 tests", printed)
        self.assertTrue(printed.rstrip().endswith("OK"), printed)

    def test_the_command_lines(self):
        file = self.folder / "document.json"

        def make(client, document):
            file.write_text(json.dumps(document))
            return self.site.run(*client, "--file", file)

        action = {
            "action": "backup",
            "mode": "fs",
            "path_to_backup": "/etc",
            "backup_name": "b",
            "container": "c",
        }
        for client, join in ((("freezer",), "-"), (("openstack", "backup"), " ")):
            verb = functools.partial(_verb, client, join)
            make(verb("client", "register"), {"client_id": "node", "hostname": "node"})
            self.assertIn("node", self.site.run(*verb("client", "list")))
            self.assertIn("node", self.site.run(*verb("client", "show"), "node"))
            job = {"client_id": "node", "job_actions": [{"freezer_action": action}], "description": "nightly"}
            printed = make((*verb("job", "create"), "--client", "node"), job)
            name = re.search(r"[0-9a-f]{32}", printed)[0]
            self.assertIn(name, self.site.run(*verb("job", "list")))
            for event in ("start", "stop", "abort"):
                self.site.run(*verb("job", event), name)
            self.assertIn("abort", self.site.run(*verb("job", "show"), name))
            printed = make(
                verb("session", "create"), {"schedule": {"schedule_interval": "1 days"}, "description": "s"}
            )
            session = re.search(r"[0-9a-f]{32}", printed)[0]
            both = ("--session-id", session, "--job-id", name)
            self.site.run(*verb("session", "add-job"), *both)
            self.site.run(*verb("session", "start"), *both, "--job-tag", "0")
            self.assertIn("running", self.site.run(*verb("session", "show"), session))
            self.site.run(*verb("session", "remove-job"), *both)
            for kind, thing in (("session", session), ("job", name), ("client", "node")):
                self.site.run(*verb(kind, "delete"), thing)
            self.assertNotIn(name, self.site.run(*verb("job", "list")))


def _verb(client, join, *words):
    """Return a command: ``job-list`` of one client is ``backup job list`` of the other."""
    return (*client, *join.join(words).replace("-", join).split())
