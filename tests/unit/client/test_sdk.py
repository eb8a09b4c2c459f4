# SPDX-License-Identifier: Apache-2.0
"""The service of openstacksdk."""

import openstack

from tests import base
from tests.unit.client import server
from valence.client import sdk

CLOUDS = """
clouds:
  mine:
    auth_type: none
    auth: {endpoint: http://valence.test:8181}
    rack_endpoint_override: http://valence.test:8181
    vendor_hook: valence.client.sdk:register
"""


class ConnectionTest(base.TestCase):
    def connect(self, *answers):
        file = self.make_folder() / "clouds.yaml"
        file.write_text(CLOUDS)
        self.api = server.Server(*answers)
        loader = openstack.config.OpenStackConfig(config_files=[str(file)])
        connection = openstack.connection.Connection(config=loader.get_one("mine"))
        connection.session.session.mount("http://", self.api)
        return connection

    def test_a_cloud_whose_configuration_names_the_hook(self):
        """It has a URL, so the versions are not asked for."""
        connection = self.connect(server.page("flavors", {"uuid": "1", "name": "large"}))
        self.assertIsInstance(connection.rack, sdk.Proxy)
        self.assertEqual(["large"], [each.name for each in connection.rack.flavors()])
        self.assertEqual(["GET /v1/flavors"], self.api.paths())
