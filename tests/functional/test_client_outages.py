# SPDX-License-Identifier: Apache-2.0
"""A command of the client while the broker is stopped, and the API is killed and started again."""

import json

from tests import process
from tests import relay
from tests import servers
from tests.functional import acceptance


class BrokerTest(acceptance.AcceptanceCase):
    def deployment(self):
        self.broker = self.useFixture(servers.RabbitMQ())
        return super().deployment(transport_url=self.broker.url())

    def setUp(self):
        super().setUp()
        self.register(self.simulate(systems=3, nodes=0, power_seconds=2, composition=""))
        self.relay = self.useFixture(relay.Relay())
        self.relay.port = self.valence.port

    def begin(self, *argv):
        """Start a command."""
        return self.useFixture(
            process.Process("valence", "--endpoint", self.relay.url, *argv, folder=self.make_folder())
        )

    def restart_api(self):
        self.valence.api.kill()
        self.valence.api.start()

    def test_one_node_is_made_and_the_command_ends_with_the_truth(self):
        self.relay.is_mute = True
        command = self.begin("node", "create", "web-1", "--power", "force_off", "--wait", "-f", "json")
        self.wait_for(lambda: self.client.rows("/v1/nodes"), 60)
        self.broker.kill()
        self.valence.api.kill()  # before the command has the answer to its POST
        self.relay.is_mute = False
        self.broker.start()
        self.valence.api.start()
        self.valence.wait_until_ready()
        self.restart_api()
        self.assertEqual(0, command.wait(90), command.log())
        shown = json.loads(command.log())
        (node,) = self.client.rows("/v1/nodes")
        expected = (node["uuid"], "composed", "Off")
        self.assertEqual(expected, (shown["uuid"], shown["state"], shown["power_state"]))
        (operation,) = self.client.rows("/v1/operations", target_kind="node")
        self.assertEqual("succeeded", operation["state"])
