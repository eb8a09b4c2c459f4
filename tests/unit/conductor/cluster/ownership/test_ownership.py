# SPDX-License-Identifier: Apache-2.0
"""Each pod manager is served by one of the conductors that live."""

from tests import base
from tests import embedded
from valence.db import models
from valence.db import store


class OwnershipTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())

    def add(self, number=1, **values):
        new = [
            models.PodManager(name=f"p{n}-{values}", url=f"http://p{n}/{values}", **values)
            for n in range(number)
        ]
        return [each.uuid for each in self.database.store.commit(*map(store.Create, new))]

    def test_every_pod_manager_has_exactly_one_owner(self):
        uuids = self.add(30)
        shares = [self.database.ownership(f"conductor-{n}") for n in range(3)]
        self.wait_for(lambda: sorted(uuids) == sorted(uuid for each in shares for uuid in each.owned))
        self.assertTrue(all(each.owned for each in shares))
        for uuid in uuids:
            [owner] = {each.owner(uuid) for each in shares}
            self.assertEqual([owner], [each._host for each in shares if each.owns(uuid)])

    def test_what_one_had_the_others_get_when_it_leaves(self):
        uuids = self.add(10)
        one, two = self.database.ownership("one"), self.database.ownership("two")
        self.wait_for(lambda: len(one.owned) < 10)
        changes = []
        one.changed = lambda gained, lost: changes.append((gained, lost))
        had = two.owned
        two.leave()
        one.membership.look()
        self.assertEqual((set(uuids), [(had, frozenset())]), (one.owned, changes))
        self.assertFalse(any(two.owns(uuid) for uuid in uuids))

    def test_a_new_pod_manager_has_an_owner_as_soon_as_somebody_asks(self):
        one = self.database.ownership()
        [uuid] = self.add()
        self.assertFalse(one.owns(uuid))
        self.assertEqual("conductor-1", one.owner(uuid))
        self.assertTrue(one.owns(uuid))

    def test_pod_managers_are_read_again_when_somebody_rang(self):
        one = self.database.ownership()
        [uuid] = self.add()
        one.look()
        self.assertFalse(one.owns(uuid))
        one.expire()
        one.look()
        self.assertTrue(one.owns(uuid))

    def test_a_removed_pod_manager_is_lost(self):
        [uuid] = self.add()
        one = self.database.ownership()
        self.database.store.commit(store.Delete(self.database.store.get(models.PodManager, uuid)))
        one.refresh()
        self.assertEqual((frozenset(), None), (one.owned, one.owner(uuid)))

    def test_what_says_another_conductor_is_still_to_be_claimed(self):
        [mine, other] = self.add(conductor="conductor-1") + self.add(conductor="dead")
        one = self.database.ownership()
        self.assertEqual(({mine, other}, {other}), (one.owned, one.unclaimed))

    def test_new_ones_are_claimed_together(self):
        uuids = self.add(3) + self.add(conductor="dead")
        one, commits = self.database.ownership(), []
        commit = one._store.commit
        self.patch(one._store, "commit", lambda *each, **by: commits.append(each) or commit(*each, **by))
        one.look()
        rows = [self.database.store.get(models.PodManager, uuid) for uuid in uuids]
        self.assertEqual(["conductor-1"] * 3 + ["dead"], [row.conductor for row in rows])
        claims = [len(each) for each in commits if isinstance(each[0].obj, models.PodManager)]
        self.assertEqual({1}, {row.revision for row in rows})
        self.assertEqual(({uuids[-1]}, [3]), (one.unclaimed, claims))

    def test_one_that_changes_meanwhile_is_left_to_whoever_works_on_it(self):
        [uuid] = self.add()
        one = self.database.ownership()
        commit = one._store.commit

        def change(*changes, **by):
            commit(store.Update(self.database.store.get(models.PodManager, uuid), {"description": "new"}))
            return commit(*changes, **by)

        self.patch(one._store, "commit", change)
        one.look()
        row = self.database.store.get(models.PodManager, uuid)
        self.assertEqual(("new", None, {uuid}), (row.description, row.conductor, one.unclaimed))

    def test_whoever_was_taken_for_dead_claims_nothing(self):
        [uuid] = self.add()
        one = self.database.ownership()
        self.database.store.lease("conductor/conductor-1", "its-successor", 15, steal=True)
        one.look()
        self.assertIsNone(self.database.store.get(models.PodManager, uuid).conductor)

    def test_a_group_without_a_conductor_has_no_owner(self):
        [near, far] = self.add() + self.add(conductor_group="far")
        one = self.database.ownership()
        self.assertEqual((None, False, True), (one.owner(far), one.is_eligible(far), one.is_eligible(near)))
        two = self.database.ownership("two", ["far"])
        self.wait_for(lambda: one.owner(far) == "two")
        self.assertTrue(two.owns(far))
