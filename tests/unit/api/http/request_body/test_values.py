# SPDX-License-Identifier: Apache-2.0
"""How many values a body has."""

import json

from tests import base
from valence.api.http import request_body


class ValuesTest(base.TestCase):
    def test_values_are_counted(self):
        for document, number in (({}, 2), ([1, 2, 3], 4), ({"a": [1, {"b": 2}]}, 5), ("a", 1), (1, 1)):
            data = json.dumps(document).encode()
            self.assertTrue(request_body.has_at_most(data, number), document)
            self.assertFalse(request_body.has_at_most(data, number - 1), document)

    def test_texts_are_one_value(self):
        self.assertTrue(request_body.has_at_most(json.dumps(["a,b,[{," * 1000, '\\",,,,']).encode(), 3))

    def test_empty_lists_count(self):
        self.assertFalse(request_body.has_at_most(b"[" + b"[]," * 10_000 + b"[]]", 10_000))
