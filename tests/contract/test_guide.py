# SPDX-License-Identifier: Apache-2.0
"""The model of the guide for database development, in its old form, works on every store."""

import json
from urllib import parse

import etcd
import etcd3gw

from tests.contract import case
from tests.contract import databases
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


class EtcdTest(case.ContractCase):
    """Where the guide says that things are in etcd: a pair of key and value is an object."""

    scenarios = [(name, {"driver": name}) for name in databases.DATABASES if name.startswith("etcd")]

    def setUp(self):
        super().setUp()
        url = parse.urlsplit(self.database.url)
        self.place, self.directory = {"host": url.hostname, "port": url.port}, f"{url.path}/example_model"

    def value_of(self, object_id):
        """Return what the library of the API reads, as the guide's driver did."""
        key = f"{self.directory}/{object_id}"
        if self.driver == "etcd":
            return etcd.Client(**self.place).read(key).value
        return etcd3gw.client(**self.place).get(key)[0].decode()

    def test_the_fields_are_wrapped_as_the_value_of_one_object(self):
        (created,) = self.create(examples.ExampleModel(uuid="1", name="one"))
        self.assertEqual({"uuid": "1", "name": "one"}, json.loads(self.value_of("1")))
        self.store.commit(store.Update(created, {"name": "uno"}))
        self.assertEqual({"uuid": "1", "name": "uno"}, json.loads(self.value_of("1")))
