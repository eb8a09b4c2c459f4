# SPDX-License-Identifier: Apache-2.0
"""Large documents wait for each other, and nothing else does."""

import io
import threading

from tests.unit.api.introspection import case
from valence.api.introspection import documents

LONG = 60
PATH = "/v1/continue"


class WaitingTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.large, self.small = (b"x" * (documents.PART + more) for more in (1, 0))

    def test_a_large_document_waits_for_another_one(self):
        self.assert_waits(data=self.large)

    def test_so_does_one_that_comes_in_chunks(self):
        chunks = {"input_stream": io.BytesIO(self.small), "headers": {"Transfer-Encoding": "chunked"}}
        self.assert_waits(**chunks, environ_overrides={"wsgi.input_terminated": True})

    def test_a_small_document_and_no_document_wait_for_nobody(self):
        with self.application.services.turns.take(LONG):
            self.assert_refused(400, self.call("POST", PATH, data=self.small), "not JSON")
            self.assert_refused(400, self.call("POST", PATH), "not JSON")

    def test_one_that_fails_keeps_nobody_waiting(self):
        for _ in range(2):
            self.assert_refused(400, self.call("POST", PATH, data=self.large), "not JSON")

    def assert_waits(self, **body):
        """Check that a document is not answered before the turn of another one ends."""
        answers, answered = [], threading.Event()

        def send():
            answers.append(self.call("POST", PATH, **body))
            answered.set()

        sender = threading.Thread(target=send, daemon=True)
        with self.application.services.turns.take(LONG):
            sender.start()
            self.assertFalse(answered.wait(0.2))
        self.assertTrue(answered.wait(LONG))
        sender.join(LONG)
        self.assert_refused(400, answers[0], "not JSON")
