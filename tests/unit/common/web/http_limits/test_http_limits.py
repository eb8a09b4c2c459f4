# SPDX-License-Identifier: Apache-2.0
"""Who is closed when there are too many, how descriptors are shared, and how little is logged."""

from tests import base
from valence.common.web import http_limits


class Connection:
    def __init__(self, address, received=0):
        self.address, self.received = address, received


class PlacesTest(base.TestCase):
    def places(self, most=10, **limits):
        self.now = 0.0
        return http_limits.Places(http_limits.Limits(**limits), most, lambda: self.now)

    def put(self, places, kind, address="192.0.2.1", **values):
        one = Connection(address, **values)
        places.put(one, kind)
        return one

    def test_there_is_room_until_it_is_full(self):
        places = self.places(most=2)
        self.assertIsNone(places.make_room("192.0.2.1"))
        self.put(places, http_limits.FRESH)
        self.assertIsNone(places.make_room("192.0.2.1"))

    def test_the_oldest_of_the_least_worthy_kind_goes_first(self):
        places = self.places(most=5)
        self.put(places, http_limits.BUSY)
        order = [
            self.put(places, kind)
            for kind in (http_limits.FRESH, http_limits.IDLE, http_limits.RECEIVING, http_limits.SENDING)
        ]
        self.now = http_limits.GRACE
        for expected in order:
            self.assertIs(expected, places.make_room("192.0.2.2"))
            places.put(expected, http_limits.BUSY)
        self.assertRaises(LookupError, places.make_room, "192.0.2.2")

    def test_a_newcomer_is_kept_while_there_are_others(self):
        places = self.places(most=3)
        old = [self.put(places, http_limits.RECEIVING), self.put(places, http_limits.SENDING)]
        self.now = http_limits.GRACE
        newcomer = self.put(places, http_limits.FRESH)
        for expected in old:
            self.assertIs(expected, places.make_room("192.0.2.2"))
            places.remove(expected)
            self.put(places, http_limits.BUSY)
        self.assertIs(newcomer, places.make_room("192.0.2.2"))

    def test_a_large_body_that_comes_quickly_is_kept_rather_than_a_slow_one(self):
        places = self.places(most=2)
        self.put(places, http_limits.RECEIVING, received=1_000_000)
        slow = self.put(places, http_limits.RECEIVING, received=1)
        self.assertIs(slow, places.make_room("192.0.2.2"))

    def test_a_connection_that_was_used_is_younger_than_others(self):
        places = self.places(most=2)
        one, two = self.put(places, http_limits.IDLE), self.put(places, http_limits.IDLE)
        places.put(one, http_limits.IDLE)
        self.assertIs(two, places.make_room("192.0.2.2"))

    def test_the_address_with_most_connections_makes_room(self):
        places = self.places(most=4)
        self.put(places, http_limits.FRESH, "192.0.2.9")
        many = [self.put(places, http_limits.IDLE) for _ in range(3)]
        self.assertIs(many[0], places.make_room("192.0.2.7"))

    def test_an_address_that_has_its_share_makes_room_itself(self):
        places = self.places(connections_per_address=1, exempt=("127.0.0.0/8", "2001:db8::/32"))
        for address in ("192.0.2.1", "127.0.0.1", "2001:db8::7", "::ffff:127.0.0.1"):
            self.put(places, http_limits.IDLE, address)
        self.assertEqual("192.0.2.1", places.make_room("192.0.2.1").address)
        for address in ("127.0.0.1", "2001:db8::7", "::ffff:127.0.0.1", "192.0.2.2", "fe80::1%eth0"):
            self.assertIsNone(places.make_room(address))

    def test_what_is_removed_counts_no_more(self):
        places = self.places(most=1, connections_per_address=1)
        one = self.put(places, http_limits.BUSY)
        places.remove(one)
        places.remove(one)
        self.assertIsNone(places.make_room("192.0.2.1"))
        self.assertEqual(0, len(places))


class DescriptorsTest(base.TestCase):
    def test_servers_share_what_the_process_may_open_and_leave_some(self):
        descriptors = http_limits.Descriptors()
        limit = http_limits.raise_limit()
        granted = [descriptors.grant(limit) for _ in range(5)]
        self.assertLess(sum(granted), limit - http_limits.RESERVED_LEAST)
        self.assertEqual(sorted(granted, reverse=True), granted)
        for each in granted:
            descriptors.give_back(each)
        self.assertEqual(granted[0], descriptors.grant(limit))
        self.assertIn("LimitNOFILE", self.log.output)

    def test_who_wants_little_gets_it(self):
        self.assertEqual(7, http_limits.Descriptors().grant(7))


class BudgetTest(base.TestCase):
    def test_it_gives_what_it_has(self):
        budget = http_limits.Budget(10)
        self.assertEqual([True, False, True], [budget.take(number) for number in (6, 5, 4)])
        budget.give_back(6)
        self.assertTrue(budget.take(6))


class JournalTest(base.TestCase):
    def test_a_kind_is_logged_once_for_a_while_with_the_number_of_the_others(self):
        now = [0.0]
        journal = http_limits.Journal("api", clock=lambda: now[0])
        for number in range(100):
            journal.note("closed one of", number)
        journal.note("no TLS with", "x")
        now[0] = 11
        journal.note("closed one of", "y")
        lines = [line for line in self.log.output.splitlines() if "api:" in line]
        self.assertEqual(3, len(lines))
        self.assertIn("closed one of y (99 more since the last line)", lines[-1])


class NetworkTest(base.TestCase):
    def test_one_client_has_many_addresses_of_ipv6(self):
        self.assertEqual(http_limits.network("2001:db8::1"), http_limits.network("2001:db8::ffff:1"))
        self.assertNotEqual(http_limits.network("2001:db8::1"), http_limits.network("2001:db8:0:1::1"))
        self.assertEqual("10.0.0.9", http_limits.network("10.0.0.9"))
        self.assertEqual("fe80::/64", http_limits.network("fe80::1%eth0"))
        self.assertEqual("unknown", http_limits.network("unknown"))

    def test_clients_of_ipv4_at_a_port_of_both_are_told_apart(self):
        self.assertEqual("192.0.2.1", http_limits.network("::ffff:192.0.2.1"))
