# SPDX-License-Identifier: Apache-2.0
"""The cached clock of a database, with both clocks in the test's hands; and that nobody compares times of a host."""

import pathlib
import re

from tests import base
from valence.common import errors
from valence.db.sql import connections

CODE = pathlib.Path(connections.__file__).parents[2]
#: folders whose times are compared between conductors, and what reads the clock of the host
FOLDERS = ("backup", "conductor", "db", "introspection")
HOST_CLOCK = re.compile(r"\btime\.time\b|datetime\.(now|utcnow)\(|\btypes\.now\(")
#: may use it: what is shown only, the age of a file, the guess within the bounds that etcd tells
ALLOWED = {
    "conductor/cluster/site.py",
    "db/types.py",
    "db/etcd/leases.py",
    "introspection/storages/file.py",
}
DATABASE = 1_000_000.0


class ClockTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.host, self.ahead, self.round_trip = 50.0, 0.0, 0.0
        self.reads, self.problem = 0, None
        self.clock = connections.Clock(self.read, monotonic=lambda: self.host)

    def read(self):
        self.reads += 1
        if self.problem:
            raise self.problem
        told = DATABASE + self.host + self.round_trip / 2 + self.ahead
        self.host += self.round_trip
        return told

    def test_it_goes_on_between_two_queries(self):
        self.assertEqual(DATABASE + 50, self.clock.now())
        self.host += 7
        self.assertEqual((DATABASE + 57, 1), (self.clock.now(), self.reads))

    def test_half_of_the_round_trip_is_taken_into_account(self):
        self.round_trip = 0.4
        self.assertAlmostEqual(DATABASE + 50.4, self.clock.now())

    def test_a_clock_that_was_set_is_noticed(self):
        self.clock.now()
        self.ahead = 3600.0
        self.host += connections.REFRESH_SECONDS
        self.assertEqual((DATABASE + self.host + 3600, 2), (self.clock.now(), self.reads))

    def test_a_query_that_took_long_replaces_nothing(self):
        self.clock.now()
        self.ahead, self.round_trip = 3.0, 2.0
        self.host += connections.REFRESH_SECONDS
        self.assertEqual(DATABASE + self.host + 2, self.clock.now())

    def test_it_goes_on_while_the_database_is_away(self):
        self.clock.now()
        self.problem = errors.StoreUnavailable(reason="away")
        self.host += connections.REFRESH_SECONDS
        self.assertEqual((DATABASE + self.host, 2), (self.clock.now(), self.reads))
        self.clock.now()
        self.assertEqual(2, self.reads)  # not at every call

    def test_there_is_none_before_the_database_has_answered(self):
        self.problem = errors.StoreUnavailable(reason="away")
        self.assertRaises(errors.StoreUnavailable, self.clock.now)
        self.problem = None
        self.assertEqual(DATABASE + 50, self.clock.now())


class SourceTest(base.TestCase):
    def test_no_time_of_a_host_is_compared_with_those_of_others(self):
        uses = [
            f"{path}:{number}: {line.strip()}"
            for path in self.paths()
            for number, line in enumerate((CODE / path).read_text().splitlines(), 1)
            if HOST_CLOCK.search(line)
        ]
        self.assertEqual([], uses, "take it from the store: Store.now() or Store.at()")

    def paths(self):
        every = [path.relative_to(CODE) for folder in FOLDERS for path in (CODE / folder).rglob("*.py")]
        return [path for path in every if str(path) not in ALLOWED]
