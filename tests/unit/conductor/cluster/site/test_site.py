# SPDX-License-Identifier: Apache-2.0
"""The identity of a database, and two of them on one message bus."""

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import bus_errors
from valence.conductor.cluster import site


class SiteTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.announced = []
        self.site = self.new_site()

    def new_site(self):
        one = site.Site(self.database.conf, self.database.store, lambda: self.announced.append(1))
        one.read()
        return one

    def test_all_conductors_of_a_database_are_of_one_site(self):
        self.assertEqual(self.site.site, self.new_site().site)

    def test_a_conductor_that_is_to_be_of_another_site_does_not_start(self):
        self.database.conf.set_override("site", "another")
        self.assertRaises(bus_errors.SiteMismatch, self.new_site)

    def test_callers_of_this_site_and_those_that_say_none_are_served(self):
        self.site.require_site(self.site.site)
        self.site.require_site(None)
        self.assertIsNone(self.site.other)

    def test_callers_of_another_site_are_refused_and_told_of_loudly(self):
        for _ in range(3):
            self.assertRaises(bus_errors.SiteMismatch, self.site.require_site, "another")
        self.assertEqual(1, self.log.output.count("ERROR"))
        self.assertIn("transport_url", self.log.output)

    def test_a_site_that_is_heard_is_answered_so_that_it_knows_too(self):
        self.assertRaises(bus_errors.SiteMismatch, self.site.require_site, "another")
        self.assertEqual(([1], "another"), (self.announced, self.site.other))

    def test_while_there_are_two_those_that_say_none_are_refused(self):
        self.assertRaises(bus_errors.SiteMismatch, self.site.require_site, "another")
        self.assertRaises(bus_errors.SiteMismatch, self.site.require_site, None)
        self.site.require_site(self.site.site)


class TwoSitesTest(base.TestCase):
    def test_nothing_is_created_in_the_database_of_another_site(self):
        first = self.useFixture(embedded.Conductor())
        known = first.client
        second = self.useFixture(embedded.Conductor(prepare=lambda conf: self.share(conf, first.conf)))
        unknown = second.client
        self.wait_for(lambda: "virtual host" in self.log.output)
        created = {"first": self.creations(known), "second": self.creations(unknown)}
        stored = [
            {row.name for row in each.database.store.list(site.models.PodManager)} for each in (first, second)
        ]
        self.assertEqual(set(), stored[1] & created["first"])
        self.assertEqual(set(), stored[0] & created["second"])
        self.assertEqual(stored[0], created["first"])

    def share(self, conf, other):
        conf.set_override("transport_url", other.transport_url)

    def creations(self, conductor):
        """Return the names of the pod managers whose creation succeeded."""
        made = set()
        for number in range(20):
            name = f"{id(conductor)}-{number}"
            values = {"name": name, "url": f"http://192.0.2.1/{name}", "maintenance": True}
            try:
                conductor.pod_managers.create(message_bus.user_context(), values)
            except bus_errors.SiteMismatch:
                continue
            made.add(name)
        return made
