# SPDX-License-Identifier: Apache-2.0
"""What errors tell, here and after a journey over the bus."""

import pickle

from tests import base
from valence.common import errors


class ErrorsTest(base.TestCase):
    def test_a_reason_may_be_a_sentence(self):
        for reason in ("it restarts", "It restarts."):
            error = errors.ConductorUnavailable(reason=reason)
            self.assertRegex(error.detail, r"^No conductor answered: .t restarts\.$")

    def test_a_detail_that_is_no_reason_stays_as_it_is(self):
        self.assertEqual("Wait...", errors.Conflict(reason="Wait...").detail)

    def test_an_error_is_the_same_after_a_journey(self):
        error = errors.NotFound(kind="node", key="web")
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(error), error.detail, error.kwargs), (type(again), again.detail, again.kwargs))

    def test_values_that_are_missing_are_named(self):
        self.assertIn("'key'", str(self.assertRaises(TypeError, errors.NotFound, kind="node")))
