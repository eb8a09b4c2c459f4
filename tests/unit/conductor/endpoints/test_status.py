# SPDX-License-Identifier: Apache-2.0
"""Whether a conductor is there, and how it is."""

from tests import base
from tests import embedded
from tests import message_bus


class PingTest(base.TestCase):
    def test_it_says_who_answers_and_that_the_store_is_there(self):
        conductor = self.useFixture(embedded.Conductor())
        answer = conductor.client.status.ping(message_bus.user_context())
        self.assertEqual(("conductor-1", None), (answer["host"], answer["store"]))
        self.assertTrue(answer["version"])
