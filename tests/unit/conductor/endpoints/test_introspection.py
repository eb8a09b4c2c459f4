# SPDX-License-Identifier: Apache-2.0
"""The namespace introspection."""

import random

from tests.unit.api.introspection import case
from valence.common import context
from valence.common import introspection_errors
from valence.db import models
from valence.db import store


class IntrospectionEndpointTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.conductor = self.backend.conductor.introspection
        self.context = context.RequestContext(overwrite=False)

    def test_a_digest_that_is_known_needs_no_document(self):
        self.introspect()
        answer = self.conductor.data(self.context, self.uuid)
        self.assertTrue(answer["text"])
        again = self.conductor.data(self.context, self.uuid, known=answer["digest"])
        self.assertEqual({"digest": answer["digest"], "text": None, "more": None}, again)

    def test_long_documents_come_and_go_in_parts(self):
        noise = random.Random(1).randbytes(300_000).hex()
        self.backend.caller.calls.clear()
        self.introspect(self.document(noise=noise))
        self.assertEqual(noise, self.one("GET", "/data").json["noise"])
        methods = [method for _, method in self.backend.caller.calls]
        self.assertLess(1, methods.count("send"))
        self.assertLess(1, methods.count("part"))

    def test_the_data_of_a_machine_that_is_gone_are_gone(self):
        self.introspect()
        self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, self.uuid)))
        for path in ("", "/data", "/data/unprocessed"):
            self.assert_refused(404, self.one("GET", path))
        for method, path in (
            ("POST", ""),
            ("POST", "/abort"),
            ("POST", "/data/unprocessed"),
            ("DELETE", "/data"),
        ):
            self.assert_refused(404, self.one(method, path))

    def test_what_goes_on_cannot_be_removed(self):
        self.start()
        self.assert_refused(409, self.one("DELETE", "/data"))

    def test_what_is_being_processed_cannot_be_aborted(self):
        self.start()
        row = self.backend.store.get(models.Introspection, self.uuid)
        self.backend.store.commit(store.Update(row, {"state": "processing"}))
        self.assert_refused(409, self.one("POST", "/abort"))

    def test_a_machine_that_was_never_introspected_has_no_data(self):
        self.assertRaises(
            introspection_errors.NoIntrospectionData, self.conductor.data, self.context, self.uuid
        )
