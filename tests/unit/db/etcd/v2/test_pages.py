# SPDX-License-Identifier: Apache-2.0
"""Which pages of an index on the v2 API have entries of a range."""

import testtools

from valence.db.etcd import index
from valence.db.etcd.v2 import pages


class TableTest(testtools.TestCase):
    def setUp(self):
        super().setUp()
        lows = ("", "b", f"{index.HIGHEST}b")
        self.table = pages.Table(pages.Page(low, str(number)) for number, low in enumerate(lows))

    def names(self, part):
        return "".join(page.name for page in self.table.overlapping(part))

    def test_a_range_has_the_pages_that_it_begins_and_ends_in_and_those_between(self):
        for low, high, names in (("", "a", "0"), ("a", "c", "01"), ("c", "d", "1")):
            self.assertEqual(names, self.names(index.Range(low, high)))

    def test_a_range_without_a_limit_goes_to_the_last_page(self):
        self.assertEqual(("012", "12"), (self.names(index.Range()), self.names(index.Range("c"))))
