# SPDX-License-Identifier: Apache-2.0
"""What a caller learns of conductors, of this version and of the one before."""

from tests import base
from tests import message_bus
from valence.bus import messaging
from valence.bus import rpc_client
from valence.common import bus_errors
from valence.common import context

NEW = {"host": "c2", "topics": list(messaging.NEW_TOPICS), "clock": [100.0, 100.5], "site": "s1"}
OLD = {"host": "c1", "version": "1", "store": None}


class ConductorsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.conf = message_bus.configuration(message_bus.local_url())
        self.asked = []
        self.conductors = rpc_client.Conductors(self.conf, self.ask)

    def ask(self, timeout, server=None):
        self.asked.append(server)
        return {"c1": OLD, "c2": NEW}[server] if server else self.answer

    def ping(self, answer):
        self.answer = answer
        return self.conductors.ping(1.0)

    def test_conductors_of_the_first_version_are_called_where_they_serve(self):
        self.ping(OLD)
        self.assertEqual(messaging.TOPIC, self.conductors.topic(messaging.DETAILS_TOPIC))
        self.assertEqual(messaging.BULK_TOPIC, self.conductors.topic(messaging.BULK_TOPIC))

    def test_as_soon_as_one_serves_a_topic_it_is_used(self):
        self.ping(NEW)
        self.ping(OLD)
        self.assertEqual(messaging.DETAILS_TOPIC, self.conductors.topic(messaging.DETAILS_TOPIC))

    def test_a_named_conductor_is_asked_once_what_it_serves(self):
        found = [self.conductors.topic(messaging.DETAILS_TOPIC, host) for host in ("c1", "c2", "c1", "c2")]
        self.assertEqual([messaging.TOPIC, messaging.DETAILS_TOPIC] * 2, found)
        self.assertEqual(["c1", "c2"], self.asked)

    def test_a_message_carries_when_it_was_sent_by_the_clock_of_the_database(self):
        self.assertIsNone(self.conductors.envelope(None, 2.5, None).deadline)
        before = context.boottime()
        self.ping(NEW)
        said = self.conductors.envelope(None, 60, 2.8).deadline
        self.assertEqual((60, 2.8), (said["timeout"], said["silence"]))
        self.assertLessEqual(said["sent"], 100.5 + context.boottime() - before)

    def test_it_belongs_to_the_site_that_answers_first_once_that_has_been_the_only_one_for_a_while(self):
        self.patch(rpc_client, "SURE_SECONDS", 0)
        self.ping(NEW)
        self.ping(NEW | {"site": "s2", "foreign_site": "s1"})
        self.conductors.require_site()
        self.assertEqual("s1", self.conductors.envelope(None, 2.5, None).site)
        self.assertIn("of the site s1, and the message bus also carries the site s2;", self.log.output)

    def test_of_a_site_that_it_has_just_found_it_is_not_sure_when_it_hears_another(self):
        for other in ({"site": "s2", "foreign_site": "s1"}, {"foreign_site": "s2"}):
            self.conductors = rpc_client.Conductors(self.conf, self.ask)
            self.ping(NEW)
            self.ping(NEW | other)
            self.assertRaises(bus_errors.SiteMismatch, self.conductors.require_site)
            self.assertIsNone(self.conductors.site)

    def test_between_two_sites_it_does_not_choose(self):
        self.ping(NEW | {"foreign_site": "s2"})
        error = self.assertRaises(bus_errors.SiteMismatch, self.conductors.require_site)
        self.assertIn("virtual host", error.problems[0]["hint"])
        self.ping(NEW)
        self.conductors.require_site()

    def test_it_can_be_told_its_site(self):
        self.conf.set_override("site", "s1")
        self.conductors = rpc_client.Conductors(self.conf, self.ask)
        self.ping(NEW | {"site": "s2", "foreign_site": "s1"})
        self.conductors.require_site()
        self.assertEqual("s1", self.conductors.site)
