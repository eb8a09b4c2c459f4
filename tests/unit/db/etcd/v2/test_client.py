# SPDX-License-Identifier: Apache-2.0
"""What etcd is sent."""

import urllib.parse

import hypothesis
import testtools
from hypothesis import strategies

from valence.db.etcd.v2 import client

TEXTS = strategies.text(strategies.characters(blacklist_categories=("Cs",)))


class FormTest(testtools.TestCase):
    @hypothesis.given(TEXTS)
    @hypothesis.example("a+b c%20d&e=f;g")
    def test_a_form_says_the_text(self, text):
        sent = client._form(text)
        self.assertNotIn(";", sent)
        self.assertEqual([("value", text)], urllib.parse.parse_qsl(f"value={sent}", keep_blank_values=True))
