# SPDX-License-Identifier: Apache-2.0
"""What a crawl means for what is stored."""

import testtools

from valence.conductor.inventory import comparison
from valence.db import models
from valence.podmanagers import base

PODM = "11111111-1111-4111-8111-111111111111"
ALL = frozenset({"System", "Processor", "Drive", "Storage"})


def stored(url, resource_type="System", parent="", **state):
    return models.ResourceWithState(
        podm_id=PODM, resource_url=url, resource_type=resource_type, parent=parent, **state
    )


def seen(url, resource_type="System", parent="", **state):
    return base.Seen(url, resource_type, parent, **state)


def changes_of(rows, crawl):
    """Return every change that a crawl makes, in order."""
    diff = comparison.Diff(PODM, rows)
    changes = []
    for found in crawl:
        if isinstance(found, base.Unread):
            diff.unread(found)
        elif isinstance(found, base.Unchanged):
            diff.unchanged(found.resource_url)
        else:
            changes.append(diff.see(found))
    return [change for change in [*changes, *diff.finish()] if change]


class DiffTest(testtools.TestCase):
    def test_what_is_the_same_is_no_change(self):
        row = stored("/s/1", health="OK", power_state="On")
        self.assertEqual([], changes_of([row], [seen("/s/1", health="OK", power_state="On")]))

    def test_what_is_not_known_is_added(self):
        (added,) = changes_of([], [seen("/s/1", health="OK", identity="u1")])
        self.assertEqual((PODM, "/s/1", "OK", "u1"), (
            added.new.podm_id, added.new.resource_url, added.new.health, added.new.identity))  # fmt: skip

    def test_what_is_not_seen_is_removed(self):
        row = stored("/s/1")
        self.assertEqual([comparison.Removed(row)], changes_of([row], []))

    def test_unchanged_counts_as_seen(self):
        self.assertEqual([], changes_of([stored("/s/1")], [base.Unchanged("/s/1")]))

    def test_another_power_state_is_told(self):
        row = stored("/s/1", power_state="Off")
        (change,) = changes_of([row], [seen("/s/1", power_state="On")])
        self.assertEqual((True, False, "On", row.uuid), (
            change.told, change.moved, change.new.power_state, change.new.uuid))  # fmt: skip

    def test_a_power_state_on_its_way_is_not_told(self):
        row = stored("/s/1", power_state="Off")
        self.assertEqual([], changes_of([row], [seen("/s/1", power_state="PoweringOn")]))

    def test_another_name_is_stored_but_not_told(self):
        (change,) = changes_of([stored("/s/1", name="a")], [seen("/s/1", name="b")])
        self.assertEqual((False, False), (change.told, change.moved))

    def test_a_state_that_was_thrown_away_is_not_told_when_it_is_made_again(self):
        (change,) = changes_of([stored("/s/1", parent=None)], [seen("/s/1", power_state="On")])
        self.assertEqual((False, False), (change.told, change.moved))

    def test_a_resource_at_another_url_with_its_identity_has_moved(self):
        row = stored("/s/1", identity="u1")
        (change,) = changes_of([row], [seen("/s/7", identity="u1")])
        self.assertEqual((True, row.uuid, "/s/7"), (change.moved, change.new.uuid, change.new.resource_url))

    def test_two_that_changed_places_keep_their_uuids(self):
        one, two = stored("/s/1", identity="u1"), stored("/s/2", identity="u2")
        changes = changes_of([one, two], [seen("/s/1", identity="u2"), seen("/s/2", identity="u1")])
        self.assertEqual(
            {one.uuid: "/s/2", two.uuid: "/s/1"},
            {change.new.uuid: change.new.resource_url for change in changes},
        )

    def test_other_hardware_at_a_known_url_is_another_resource(self):
        row = stored("/s/1", identity="u1")
        removed, added = changes_of([row], [seen("/s/1", identity="u9")])
        self.assertEqual((row.uuid, "u9"), (removed.old.uuid, added.new.identity))
        self.assertNotEqual(row.uuid, added.new.uuid)

    def test_an_identity_that_two_claim_moves_nobody(self):
        row = stored("/s/1", identity="u1")
        changes = changes_of([row], [seen("/s/7", identity="u1"), seen("/s/8", identity="u1")])
        self.assertEqual(["Removed", "Added", "Added"], [type(change).__name__ for change in changes])

    def test_the_same_serial_number_in_another_place_is_another_thing(self):
        rows = [stored("/s/1"), stored("/s/2"), stored("/s/1/d/1", "Drive", "/s/1", identity="S1")]
        crawl = [seen("/s/1"), seen("/s/2"), seen("/s/2/d/1", "Drive", "/s/2", identity="S1")]
        self.assertEqual(["Removed", "Added"], [type(change).__name__ for change in changes_of(rows, crawl)])

    def test_parts_move_with_what_they_are_in(self):
        uuid = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
        rows = [stored("/s/1", identity=uuid), stored("/s/1/d/1", "Drive", "/s/1", identity="S1")]
        crawl = [seen("/s/2", identity=uuid), seen("/s/2/d/1", "Drive", "/s/2", identity="S1")]
        self.assertEqual([True, True], [change.moved for change in changes_of(rows, crawl)])

    def test_a_uuid_that_is_not_told_for_a_while_changes_nothing(self):
        row = stored("/s/1", identity="5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11")
        self.assertEqual(
            ["Changed"], [type(each).__name__ for each in changes_of([row], [seen("/s/1", identity="S1")])]
        )

    def test_the_same_serial_number_of_another_type_is_another_thing(self):
        row = stored("/s/1", identity="u1")
        changes = changes_of([row], [seen("/p/1", "Processor", identity="u1")])
        self.assertEqual(["Added", "Removed"], [type(change).__name__ for change in changes])


class ReturnTest(testtools.TestCase):
    """What comes back within some time is the same resource."""

    UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"

    def returned(self, removed, found):
        """Return whether what is found gets the uuid of what was removed."""
        row = models.RemovedResource(podm_id=PODM, removed_at="2026-01-01T00:00:00.000000Z", **removed)
        diff = comparison.Diff(PODM, [], [row])
        change = diff.see(found)
        self.assertEqual(change.returned is row, change.new.uuid == row.uuid)
        self.assertNotEqual(row.uuid, diff.see(found._replace(resource_url="/other")).new.uuid)
        return change.returned is row

    def check(self, expected, identity, found):
        removed = {"resource_url": "/s/1", "resource_type": "System", "identity": identity}
        self.assertEqual(expected, self.returned(removed, found))

    def test_by_its_uuid_wherever_it_is(self):
        self.check(True, self.UUID, seen("/s/1", identity=self.UUID))
        self.check(True, self.UUID, seen("/s/2", identity=self.UUID))

    def test_by_its_serial_number_only_at_its_place(self):
        self.check(True, "S1", seen("/s/1", identity="S1"))
        self.check(False, "S1", seen("/s/2", identity="S1"))
        self.check(False, "S1", seen("/s/1", identity="S2"))

    def test_without_an_identity_at_its_place(self):
        self.check(True, None, seen("/s/1"))
        self.check(False, None, seen("/s/2"))

    def test_of_its_type_only(self):
        self.check(False, self.UUID, seen("/s/1", "Chassis", identity=self.UUID))


class UnreadTest(testtools.TestCase):
    def test_a_dead_link_of_the_root_protects_only_what_it_led_to(self):
        switch, port = stored("/f/1", "Switch", ""), stored("/f/1/p/1", "Port", parent="/f/1")
        other = stored("/s/1/p/1", "Port", parent="/s/1")
        dead = base.Unread("", frozenset({"Switch"}), "403", dead=True)
        diff = comparison.Diff(PODM, [switch, port, stored("/s/1"), other])
        diff.see(seen("/s/1"))
        diff.unread(dead)
        self.assertEqual([comparison.Removed(other)], list(diff.finish()))
        self.assertEqual(1, diff.dead_ends)

    def test_a_dead_link_that_led_to_nothing_known_is_none(self):
        diff = comparison.Diff(PODM, [stored("/s/1")])
        diff.unread(base.Unread("", frozenset({"Switch"}), "404", dead=True))
        self.assertEqual(["Removed"], [type(change).__name__ for change in diff.finish()])
        self.assertEqual(0, diff.dead_ends)

    def test_what_could_not_be_read_removes_nothing(self):
        rows = [stored("/s/1"), stored("/s/1/p/1", "Processor", parent="/s/1")]
        self.assertEqual([], changes_of(rows, [base.Unread("", ALL, "time-out")]))

    def test_below_an_unread_part_nothing_is_removed(self):
        rows = [
            stored("/s/1"),
            stored("/s/1/storage/1", "Storage", parent="/s/1"),
            stored("/c/1/drive/1", "Drive", parent="/s/1/storage/1"),
        ]
        unread = base.Unread("/s/1", frozenset({"Storage", "Drive"}), "500")
        self.assertEqual([], changes_of(rows, [seen("/s/1"), unread]))

    def test_beside_an_unread_part_removal_goes_on(self):
        other = stored("/s/2/p/1", "Processor", parent="/s/2")
        unread = base.Unread("/s/1", frozenset({"Processor"}), "500")
        rows = [stored("/s/1"), stored("/s/2"), other]
        self.assertEqual([comparison.Removed(other)], changes_of(rows, [seen("/s/1"), seen("/s/2"), unread]))

    def test_other_types_below_an_unread_part_are_removed(self):
        processor = stored("/s/1/p/1", "Processor", parent="/s/1")
        unread = base.Unread("/s/1", frozenset({"Drive"}), "500")
        self.assertEqual(
            [comparison.Removed(processor)], changes_of([stored("/s/1"), processor], [seen("/s/1"), unread])
        )

    def test_a_resource_whose_way_up_is_not_known_stays(self):
        row = stored("/d/1", "Drive", parent=None)
        self.assertEqual([], changes_of([row], [base.Unread("/s/1", frozenset({"Drive"}), "500")]))

    def test_other_hardware_at_an_unread_place_still_replaces_what_was_there(self):
        row = stored("/s/1", identity="u1")
        changes = changes_of([row], [seen("/s/1", identity="u2"), base.Unread("", ALL, "500")])
        self.assertEqual(["Removed", "Added"], [type(change).__name__ for change in changes])
