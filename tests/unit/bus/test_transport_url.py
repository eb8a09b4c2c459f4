# SPDX-License-Identifier: Apache-2.0
"""What is said of transport URLs that cannot be used."""

from tests import base
from tests import message_bus
from valence.bus import messaging
from valence.common import errors

UNUSABLE = {
    "rubbish://u:topsecret@h/v": "there is no driver rubbish",
    "kafka://u:topsecret@h/v": "its driver needs the Python module confluent_kafka",
    "topsecret": "it does not begin with the name of a driver and ://",
    "rabbit://u:topsecret": "a host or a port in it is not valid",
    "rabbit://u:topsecret@[::1/v": "a host or a port in it is not valid",
    "rabbit://u:topsecret@h1:5672,u:topsecret@h2:99999/v": "the port 99999 of h2 is not from 1 to 65535",
    "rabbit://u:topsecret@h:0/v": "the port 0 of h is not from 1 to 65535",
}


class UnusableTest(base.TestCase):
    def refused(self, load, url):
        """Return the one problem of a URL."""
        conf = message_bus.configuration(url)
        error = self.assertRaises(errors.ConfigurationInvalid, load, conf)
        self.assertIsNone(error.__cause__)
        self.assertTrue(error.__suppress_context__ or error.__context__ is None)
        return error.problems[0]

    def test_the_option_and_the_fault_are_named_without_the_password(self):
        for url, reason in UNUSABLE.items():
            for load in (messaging.get_transport, messaging.get_notification_transport):
                problem = self.refused(load, url)
                self.assertIn(f"cannot be used: {reason}.", problem["detail"])
                self.assertNotIn("topsecret", str(problem))

    def test_the_option_of_calls_is_told_from_that_of_notifications(self):
        begins = "[DEFAULT] transport_url cannot be used"
        self.assertIn(begins, self.refused(messaging.get_transport, "rubbish://")["detail"])
        detail = self.refused(messaging.get_notification_transport, "rubbish://")["detail"]
        self.assertIn("[oslo_messaging_notifications] transport_url", detail)

    def test_it_is_said_how_passwords_are_written(self):
        self.assertIn("@ is %40", self.refused(messaging.get_transport, "rabbit://u:p")["hint"])
