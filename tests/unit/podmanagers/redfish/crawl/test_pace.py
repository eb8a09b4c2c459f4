# SPDX-License-Identifier: Apache-2.0
"""The number of requests in flight follows what a service bears."""

import threading
import time

from tests import base
from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers.redfish.crawl import pace


class PaceTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pace = pace.Pace(4, 16)

    def answered(self, seconds, windows=1, kind="system"):
        for _ in range(windows):
            for _ in range(max(8, 2 * self.pace.limit)):
                self.pace.took(kind, seconds)

    def test_grows_while_answers_are_as_fast_as_before(self):
        limits = []
        for _ in range(6):
            self.answered(0.1)
            limits.append(self.pace.limit)
        self.assertEqual([6, 9, 13, 16, 16, 16], limits)

    def test_does_not_grow_when_answers_become_slower(self):
        self.answered(0.1)
        self.answered(0.18, 5)
        self.assertEqual(6, self.pace.limit)

    def test_is_halved_when_answers_take_twice_as_long_but_not_below_the_start(self):
        self.answered(0.1, 4)
        limits = []
        for _ in range(4):
            self.answered(0.3)
            limits.append(self.pace.limit)
        self.assertEqual([8, 4], limits[:2])
        self.assertLessEqual(4, min(limits))

    def test_kinds_that_always_take_longer_say_nothing(self):
        self.answered(0.01, 1, "port")
        self.answered(0.5, 4, "expanded chassis")
        self.assertEqual(16, self.pace.limit)

    def test_is_halved_once_for_all_failures_of_a_moment(self):
        self.answered(0.1, 4)
        for _ in range(3):
            with self.pace._condition:
                self.pace._in_flight = 16
            self.pace.failed()
        self.assertEqual(8, self.pace.limit)

    def test_goes_down_to_one_while_requests_fail(self):
        for _ in range(5):
            self.pace.failed()
            self.pace.took("system", 0.1)
        self.assertEqual(1, self.pace.limit)

    def test_grows_again_after_failures(self):
        self.pace.failed()
        self.answered(0.1, 3)
        self.assertLess(2, self.pace.limit)

    def test_of_one_stays_one(self):
        self.pace = pace.Pace(1, 16)
        self.answered(0.1, 5)
        self.assertEqual((1, 1), (self.pace.limit, self.pace.most))

    def test_never_exceeds_the_limit(self):
        in_flight, most, lock = 0, 0, threading.Lock()

        def work():
            nonlocal in_flight, most
            for _ in range(10):
                with self.pace.request("x"):
                    with lock:
                        in_flight += 1
                        most = max(most, in_flight)
                    time.sleep(0.001)
                    with lock:
                        in_flight -= 1

        self.pace._most = 4
        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(4, most)

    def test_an_error_of_a_document_is_an_answer(self):
        with self.assertRaises(errors.ResourceGone), self.pace.request("x"):
            raise errors.ResourceGone(url="u", reason="r")
        with self.assertRaises(errors.PodManagerUnreachable), self.pace.request("x"):
            raise errors.PodManagerUnreachable(url="u", reason="r")
        self.assertEqual(2, self.pace.limit)


class CrawlTest(case.RedfishTestCase):
    """A service of 300 chassis that takes 10 ms for an answer, and refuses more than it bears."""

    def setUp(self):
        super().setUp()
        urls = [f"/redfish/v1/Chassis/{number}" for number in range(300)]
        chassis = {
            url: {"@odata.id": url, "@odata.type": "#Chassis.v1_0_0.Chassis", "Id": url} for url in urls
        }
        self.service = self.serve({"/redfish/v1/Chassis": case.collection(*urls)} | chassis)
        self.in_flight, self.most, self.bears, self.lock = 0, 0, 100, threading.Lock()
        for url in urls:
            self.service.answers[f"GET {url}"] = self.answer

    def answer(self, handler):
        with self.lock:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            busy = self.in_flight > self.bears
        time.sleep(0.01)
        with self.lock:
            self.in_flight -= 1
        handler.answer(503 if busy else 200, self.service.documents[handler.path])

    def test_more_requests_are_in_flight_than_at_the_start_and_no_more_than_allowed(self):
        self.configure(concurrency=2, max_concurrency=6, read_timeout=5)
        items = self.crawl(self.service)
        self.assertEqual(300, len(case.seen(items)))
        self.assertLessEqual(self.most, 6)
        self.assertGreater(self.most, 2)

    def test_a_service_that_refuses_gets_fewer(self):
        self.configure(concurrency=4, max_concurrency=32, read_timeout=5)
        self.bears = 8
        items = self.crawl(self.service)
        self.assertGreater(len(case.seen(items)), 250)
        self.assertLess(self.most, 24)


class PacedTest(base.TestCase):
    """What fails because there was more in flight than at the start is asked for again."""

    paths = refused = None

    def setUp(self):
        super().setUp()
        self.pace = pace.Pace(4, 16)
        self.paced = pace.Paced(self, self.pace)
        self.asked, self.failures = [], 1

    def get(self, path):
        self.asked.append(path)
        self.failures -= 1
        if self.failures >= 0:
            raise errors.PodManagerUnreachable(url="u", reason="busy")
        return path

    def test_at_the_start_an_error_is_one(self):
        self.assertRaises(errors.PodManagerUnreachable, self.paced.get, "/redfish/v1/Systems/1")
        self.assertEqual((2, 1), (self.pace.limit, len(self.asked)))

    def test_above_it_the_request_is_repeated_once_with_fewer_in_flight(self):
        self.pace.limit = 12
        self.assertEqual("/redfish/v1/Systems/1", self.paced.get("/redfish/v1/Systems/1"))
        self.assertEqual((6, 2), (self.pace.limit, len(self.asked)))

    def test_a_repeated_one_that_fails_is_an_error(self):
        self.pace.limit, self.failures = 12, 2
        self.assertRaises(errors.PodManagerUnreachable, self.paced.get, "/redfish/v1/Systems/1")
        self.assertEqual(2, len(self.asked))

    def test_paths_of_one_kind_differ_in_identifiers_only(self):
        kinds = {
            pace._kind(f"/redfish/v1/{path}")
            for path in (
                "Systems/1/Memory/1",
                "Systems/2/Memory/9",
                "Systems/1/Memory",
                "Systems/1/Memory?$expand=.",
            )
        }
        self.assertEqual(3, len(kinds))
