# SPDX-License-Identifier: Apache-2.0
"""Every object has one partition, and every partition one conductor."""

import uuid

from tests import base
from valence.conductor.events import outbox


class PartitionTest(base.TestCase):
    def partitions_of(self, object_id):
        return [
            partition
            for partition in outbox.PARTITIONS
            if (partition.low is None or object_id >= partition.low)
            and (partition.high is None or object_id < partition.high)
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
            self.assertEqual([outbox.of(object_id)], self.partitions_of(object_id), object_id)

    def test_objects_spread(self):
        digits = [self.partitions_of(digit)[0] for digit in "0123456789abcdef"]
        self.assertEqual({2}, {digits.count(partition) for partition in outbox.PARTITIONS})


class ShareTest(base.TestCase):
    def test_every_partition_is_seen_to_by_one_conductor_and_nobody_has_many(self):
        members = {"one": ["default"], "two": ["far"], "three": []}
        shares = [outbox.share(members, name) for name in members]
        self.assertEqual(sorted(outbox.PARTITIONS, key=str), sorted(sum(shares, []), key=str))
        self.assertLessEqual(max(map(len, shares)), 3)

    def test_who_is_no_member_has_none(self):
        self.assertEqual([], outbox.share({}, "one"))
        self.assertEqual([], outbox.share({"two": []}, "one"))
