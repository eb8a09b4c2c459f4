# SPDX-License-Identifier: Apache-2.0
"""The service of openstacksdk."""

import openstack
import requests

from tests import base
from tests.unit.client import server
from valence.client import sdk

VERSIONS = {
    "versions": [{"id": "v1", "status": "CURRENT", "links": [{"rel": "self", "href": f"{server.URL}/v1/"}]}]
}
CLOUDS = """
clouds:
  mine:
    auth_type: none
    auth: {endpoint: http://valence.test:8181}
    rack_endpoint_override: http://valence.test:8181
    vendor_hook: valence.client.sdk:register
"""


class ConnectionTest(base.TestCase):
    def test_a_cloud_whose_configuration_names_the_hook(self):
        file = self.make_folder() / "clouds.yaml"
        file.write_text(CLOUDS)
        api = server.Server(VERSIONS, server.page("flavors", {"uuid": "1", "name": "large"}))
        http = requests.Session()
        http.mount("http://", api)
        loader = openstack.config.OpenStackConfig(config_files=[str(file)])
        connection = openstack.connection.Connection(config=loader.get_one("mine"))
        connection.config._keystone_session = None
        connection.session.session.mount("http://", api)
        self.assertIsInstance(connection.rack, sdk.Proxy)
        self.assertEqual(["large"], [each.name for each in connection.rack.flavors()])
        self.assertEqual(["GET /", "GET /v1/flavors"], api.paths())
