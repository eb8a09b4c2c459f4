# SPDX-License-Identifier: Apache-2.0
"""Shares are even, the same for everybody, and change little when somebody comes or goes."""

import collections
import random
import uuid

from tests import base
from valence.conductor.cluster import ownership

THREE = {f"conductor-{number}": ["default"] for number in (1, 2, 3)}


def things(number, seed=0, group="default"):
    """Return keys as pod managers have them."""
    source = random.Random(seed)
    return {str(uuid.UUID(int=source.getrandbits(128))): group for _ in range(number)}


class AssignTest(base.TestCase):
    def test_three_share_a_hundred_within_a_fifth_of_even(self):
        for seed in range(20):
            loads = collections.Counter(ownership.assign(THREE, things(100, seed)).values())
            self.assertEqual(3, len(loads))
            self.assertTrue(all(0.8 * 100 / 3 <= load <= 1.2 * 100 / 3 for load in loads.values()), loads)

    def test_everybody_finds_the_same(self):
        hundred = things(100)
        backwards = dict(reversed(hundred.items())), dict(reversed(THREE.items()))
        self.assertEqual(ownership.assign(THREE, hundred), ownership.assign(backwards[1], backwards[0]))

    def test_when_one_leaves_little_moves_but_what_it_had(self):
        for seed in range(20):
            before = ownership.assign(THREE, things(100, seed))
            after = ownership.assign(
                {name: THREE[name] for name in THREE if name != "conductor-2"}, things(100, seed)
            )
            had = sum(name == "conductor-2" for name in before.values())
            self.assertLessEqual(ownership.moves(before, after), had + 10)

    def test_when_one_joins_little_moves_but_what_it_gets(self):
        for seed in range(20):
            before = ownership.assign(THREE, things(100, seed))
            after = ownership.assign(THREE | {"conductor-4": ["default"]}, things(100, seed))
            gets = sum(name == "conductor-4" for name in after.values())
            self.assertLessEqual(ownership.moves(before, after), gets + 10)

    def test_a_group_is_served_by_its_conductors_only(self):
        members = THREE | {"far": ["away"], "both": ["away", "default"]}
        found = ownership.assign(members, things(20) | (distant := things(20, 1, "away")))
        self.assertEqual({"far", "both"}, {found[key] for key in distant})
        self.assertNotIn("far", {found[key] for key in things(20)})

    def test_what_nobody_can_serve_is_left_out(self):
        self.assertEqual({}, ownership.assign(THREE, things(3, group="away")))
        self.assertEqual({}, ownership.assign({}, things(3)))

    def test_fewer_things_than_members(self):
        self.assertEqual(1, len(ownership.assign(THREE, things(1))))


class MovesTest(base.TestCase):
    def test_changes_of_the_member_count_and_new_things_do_not(self):
        before, after = {"a": "1", "b": "1", "c": "2"}, {"a": "2", "b": "1", "d": "3"}
        self.assertEqual(2, ownership.moves(before, after))
