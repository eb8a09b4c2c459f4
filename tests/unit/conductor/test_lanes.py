# SPDX-License-Identifier: Apache-2.0
"""Every object has one lane, and every lane one conductor."""

import uuid

from tests import base
from valence.conductor import lanes


class LaneTest(base.TestCase):
    def lanes_of(self, object_id):
        return [
            lane
            for lane in lanes.LANES
            if (lane.low is None or object_id >= lane.low) and (lane.high is None or object_id < lane.high)
        ]

    def test_every_object_is_in_one(self):
        for object_id in (
            *(str(uuid.uuid4()) for _ in range(100)),
            "",
            "0",
            "2",
            "ffff",
            "~",
            "conductor-1",
            "é",
        ):
            self.assertEqual([lanes.of(object_id)], self.lanes_of(object_id), object_id)

    def test_objects_spread(self):
        digits = [self.lanes_of(digit)[0] for digit in "0123456789abcdef"]
        self.assertEqual({2}, {digits.count(lane) for lane in lanes.LANES})


class ShareTest(base.TestCase):
    def test_every_lane_is_seen_to_by_one_conductor_and_nobody_has_many(self):
        members = {"one": ["default"], "two": ["far"], "three": []}
        shares = [lanes.share(members, name) for name in members]
        self.assertEqual(sorted(lanes.LANES, key=str), sorted(sum(shares, []), key=str))
        self.assertLessEqual(max(map(len, shares)), 3)

    def test_who_is_no_member_has_none(self):
        self.assertEqual([], lanes.share({}, "one"))
        self.assertEqual([], lanes.share({"two": []}, "one"))
