# SPDX-License-Identifier: Apache-2.0
"""The model of the guide for database development, in its old form, works on every store."""

from tests.contract import case
from tests.contract import examples
from valence.common import errors
from valence.db import store


class GuideTest(case.ContractCase):
    def test_the_older_form_of_a_field_works(self):
        (created,) = self.create(examples.ExampleModel(uuid="1", name="one"))
        self.create(examples.ExampleModel(uuid="2"))
        self.assertEqual(created, self.store.get(examples.ExampleModel, "1"))
        self.store.commit(store.Update(created, {"name": "uno"}))
        self.assertEqual([None, "uno"], self.names(examples.ExampleModel, sort=[store.Sort("name")]))
        self.assertEqual(
            ["uno"], self.names(examples.ExampleModel, filters=[store.Filter("name", "eq", "uno")])
        )
        self.assertRaises(errors.Duplicate, self.create, examples.ExampleModel(uuid="2"))
        self.store.commit(*map(store.Delete, self.store.list(examples.ExampleModel)))
        self.assertEqual(0, self.store.count(examples.ExampleModel))

    def test_a_value_that_the_field_does_not_take_is_refused(self):
        self.assertRaises(errors.BadRequest, self.create, examples.ExampleModel(uuid="1", name=1))
        self.assertRaises(ValueError, examples.ExampleModel.fields["name"].validate, 1)
        self.assertRaises(errors.NotFound, self.store.get, examples.ExampleModel, "1")

    def test_the_base_with_timestamps_counts_changes(self):
        (created,) = self.create(examples.ExampleModelWithTimestamp(uuid="1", name="one"))
        self.assertEqual((1, created.updated_at), (created.revision, created.created_at))
        (changed,) = self.store.commit(store.Update(created, {"name": "uno"}))
        self.assertEqual((2, created.created_at), (changed.revision, changed.created_at))
        self.assertEqual(changed, self.store.get(examples.ExampleModelWithTimestamp, "1"))
        self.assertRaises(errors.RevisionMismatch, self.store.commit, store.Delete(created))
