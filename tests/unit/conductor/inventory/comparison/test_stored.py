# SPDX-License-Identifier: Apache-2.0
"""Rows that are known by hashes: they are compared without being there, and read where they are needed."""

import testtools

from tests.unit.common import test_compact
from valence.common import errors
from valence.conductor.inventory import comparison
from valence.db import models
from valence.podmanagers import base

PODM = "11111111-1111-4111-8111-111111111111"
SYSTEMS = 2000


def row(number, part=None):
    system = f"/redfish/v1/Systems/System{number}"
    url, kind = (system, "System") if part is None else (f"{system}/Memory/{part}", "Memory")
    parent = "" if part is None else system
    more = {"health": "OK", "state": "Enabled", "identity": f"SN{number}-{part}", "etag": f'W/"{number:08}"'}
    return models.ResourceWithState(
        podm_id=PODM, resource_url=url, resource_type=kind, parent=parent, name=f"Part {part}", **more
    )


def seen(stored_row, **values):
    return base.Seen(**({name: getattr(stored_row, name) for name in base.Seen._fields} | values))


class ReadingTest(testtools.TestCase):
    """A crawl of a pod manager of which nothing is kept whole."""

    def setUp(self):
        super().setUp()
        self.rows = [row(number, part) for number in range(120) for part in (None, *range(9))]
        self.reads = []

    def read(self, model, uuids):
        self.reads.append(len(uuids))
        wanted = set(uuids)
        return [each for each in self.rows if each.uuid in wanted and isinstance(each, model)]

    def diff(self):
        return comparison.Diff(PODM, iter(self.rows), read=self.read)

    def test_what_did_not_change_is_not_read(self):
        diff = self.diff()
        self.assertEqual([], [*diff.see_all([seen(each) for each in self.rows]), *diff.finish()])
        self.assertEqual(([], 1200), (self.reads, diff.seen))

    def test_rows_of_types_that_a_later_version_added_are_taken(self):
        later = row(500).replace(resource_type="Quantum Computer", parent=None)
        self.rows.append(later)
        diff = self.diff()
        diff.see_all([seen(each) for each in self.rows[:-1]])
        self.assertEqual([later], [change.old for change in diff.finish()])
        known = comparison.ResourceRows(self.rows, self.read)
        self.assertEqual("Quantum Computer", known.resource_type(len(known) - 1))

    def test_what_changed_is_read_at_once(self):
        diff = self.diff()
        changes = diff.see_all([seen(each, health="Critical") for each in self.rows])
        self.assertEqual([each.uuid for each in self.rows], [change.new.uuid for change in changes])
        self.assertEqual({("OK", "Critical", True)}, {(c.old.health, c.new.health, c.told) for c in changes})
        self.assertEqual([1200], self.reads)

    def test_each_field_that_is_compared_counts(self):
        for name in set(comparison.SEEN_FIELDS) - {"identity"}:  # another identity is another resource
            (change,) = self.diff().see_all([seen(self.rows[0], **{name: "other"})])
            self.assertEqual((name, "other"), (name, getattr(change.new, name)))

    def test_what_is_gone_and_what_moved_is_read_in_parts(self):
        diff = self.diff()
        moved = [seen(each, resource_url=f"{each.resource_url}x") for each in self.rows[::10]]
        self.assertEqual([], diff.see_all(moved))
        changes = list(diff.finish())
        self.assertEqual(1080, sum(isinstance(change, comparison.Removed) for change in changes))
        self.assertEqual(
            self.rows[::10], [each.old for each in changes if isinstance(each, comparison.Changed)]
        )
        self.assertEqual([500, 500, 80, 120], self.reads)

    def test_a_row_that_somebody_removed_is_an_error_that_passes(self):
        diff, gone = self.diff(), self.rows.pop()
        self.assertRaises(errors.NotFound, diff.see, seen(gone, health="Critical"))

    def test_two_rows_of_one_url_are_no_error(self):
        self.rows.append(row(0))
        self.assertEqual([], self.diff().see_all(map(seen, self.rows)))


class ReturnTest(testtools.TestCase):
    def test_of_many_that_were_removed_those_that_came_back_are_read(self):
        reads = []
        removed = [
            models.RemovedResource(
                removed_at="2026-01-01T00:00:00.000000Z",
                **{name: getattr(row(number), name) for name in ("podm_id", "resource_url", "resource_type")},
            )
            for number in range(300)
        ]

        def read(model, uuids):
            reads.append(len(uuids))
            return [each for each in removed if each.uuid in uuids]

        diff = comparison.Diff(PODM, [], iter(removed), read=read)
        changes = diff.see_all([seen(row(number)) for number in range(100)])
        self.assertEqual(removed[:100], [change.returned for change in changes])
        self.assertEqual([100], reads)


class MemoryTest(testtools.TestCase):
    def test_a_stored_resource_takes_150_bytes_at_most(self):
        def load():
            rows = (row(number, part) for number in range(SYSTEMS) for part in (None, *range(9)))
            return comparison.ResourceRows(rows, read=lambda *_: [])

        resources, size = test_compact.grown(load)
        self.assertEqual(10 * SYSTEMS, len(resources))
        self.assertLess(size / len(resources), 150)
