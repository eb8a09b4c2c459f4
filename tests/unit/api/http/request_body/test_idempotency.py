# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys."""

import types

from tests import base
from tests.unit.api import case
from valence.api.http import request_body
from valence.common import errors


def digests(document=None, key="k", actor="ann", path="/v1/pod_managers"):
    """Return the digests of a request."""
    http = types.SimpleNamespace(headers={} if key is None else {"Idempotency-Key": key}, path=path)
    return request_body.of(
        types.SimpleNamespace(http=http, context=types.SimpleNamespace(actor=actor)), document
    )


class DigestTest(base.TestCase):
    def test_without_a_key_there_are_none(self):
        self.assertIsNone(digests(key=None))

    def test_the_key_belongs_to_actor_and_url(self):
        keys = [digests(), digests(actor="bob"), digests(path="/v1/other"), digests(key="l")]
        self.assertEqual(4, len({each["key"] for each in keys}))
        self.assertEqual(digests()["key"], digests({"name": "x"}, path="/v1/pod_managers/")["key"])

    def test_the_order_of_names_does_not_matter(self):
        self.assertEqual(digests({"a": 1, "b": 2}), digests({"b": 2, "a": 1}))
        self.assertNotEqual(digests({"a": 1}), digests({"a": 2}))

    def test_a_digest_of_a_body_cannot_be_looked_up_without_the_key(self):
        self.assertNotEqual(
            digests({"password": "x"})["request"], digests({"password": "x"}, key="l")["request"]
        )

    def test_digests_fit_their_columns(self):
        self.assertEqual({64}, {len(each) for each in digests({"a": "ä"}).values()})

    def test_keys_of_no_form_are_refused(self):
        for key in ("", "a b", "x" * 256, "ä", "a\n"):
            self.assertRaises(errors.BadRequest, digests, key=key)


class SyncTest(case.APITestCase):
    def test_a_repeated_sync_is_the_same_operation(self):
        url = f"/v1/pod_managers/{self.add_pod_manager()['uuid']}/sync"
        one, two = (self.post(url, Idempotency_Key="k").json for _ in range(2))
        self.assertEqual(one["uuid"], two["uuid"])
