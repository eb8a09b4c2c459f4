# SPDX-License-Identifier: Apache-2.0
"""The small HTTP server of a conductor."""

import requests

from tests import base
from valence.common import errors
from valence.common import metrics
from valence.conductor import listener


class ListenerTest(base.TestCase):
    def listen(self, port=0):
        one = listener.Listener("metrics", "127.0.0.1", port, metrics.application)
        self.addCleanup(one.stop)
        one.start()
        return one

    def test_it_serves_the_figures_of_the_process(self):
        answer = requests.get(f"{self.listen().url}/metrics", timeout=5)
        self.assertEqual(200, answer.status_code)
        self.assertIn("process_cpu_seconds_total", answer.text)

    def test_a_port_that_is_taken_is_told(self):
        port = int(self.listen().url.rpartition(":")[2])
        self.assertRaises(errors.CannotListen, self.listen, port)

    def test_after_its_end_nobody_listens(self):
        one = self.listen()
        one.stop()
        self.assertRaises(requests.ConnectionError, requests.get, one.url, timeout=5)
