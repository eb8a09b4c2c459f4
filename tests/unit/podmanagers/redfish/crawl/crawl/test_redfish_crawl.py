# SPDX-License-Identifier: Apache-2.0
"""The order of a crawl: parents first, each URL once, the same parent every time."""

import threading
import time

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers.base import Etags

SYSTEMS, CHASSIS = "/redfish/v1/Systems", "/redfish/v1/Chassis"


def reference(url):
    return {"@odata.id": url}


class CrawlTestCase(case.RedfishTestCase):
    def pod(self, systems=6):
        """Return a service whose drives are linked from two systems' storages and from a chassis."""
        documents = {SYSTEMS: case.collection(*(f"{SYSTEMS}/{number}" for number in range(systems)))}
        drives = [f"{CHASSIS}/1/Drives/{number}" for number in range(systems)]
        for number in range(systems):
            system = f"{SYSTEMS}/{number}"
            shared = [reference(drives[number]), reference(drives[(number + 1) % systems])]
            documents |= {
                system: {"Id": str(number), "Storage": reference(f"{system}/Storage")},
                f"{system}/Storage": case.collection(f"{system}/Storage/1"),
                f"{system}/Storage/1": {"Id": "1", "Drives": shared},
                drives[number]: {"Id": str(number)},
            }
        documents |= {
            CHASSIS: case.collection(f"{CHASSIS}/1"),
            f"{CHASSIS}/1": {
                "Id": "1",
                "Drives": reference(f"{CHASSIS}/1/Drives"),
                "Links": {"Contains": [reference(f"{CHASSIS}/1")]},
            },
            f"{CHASSIS}/1/Drives": case.collection(*drives),
        }
        return self.serve(documents)


class OrderTest(CrawlTestCase):
    def test_each_resource_comes_once(self):
        items = self.crawl(self.pod())
        urls = [item.resource_url for item in items]
        self.assertEqual(sorted(set(urls)), sorted(urls))
        self.assertEqual(6 * 3 + 1, len(urls))

    def test_each_document_is_read_once(self):
        service = self.pod()
        self.crawl(service)
        self.assertEqual(len(service.documents), len(service.requests))
        self.assertEqual(len(set(service.requests)), len(service.requests))

    def test_parents_come_before_what_they_lead_to(self):
        passed = {""}
        for item in self.crawl(self.pod()):
            self.assertIn(item.parent, passed)
            passed.add(item.resource_url)

    def test_what_several_links_lead_to_belongs_to_the_first(self):
        found = case.seen(self.crawl(self.pod()))
        self.assertEqual(f"{SYSTEMS}/0/Storage/1", found[f"{CHASSIS}/1/Drives/1"].parent)

    def test_the_parent_is_the_same_whatever_the_timing(self):
        service = self.pod()
        expected = self.crawl(service)
        self.configure(concurrency=4)
        for slow in range(3):
            path = f"{SYSTEMS}/{slow}/Storage/1"
            service.answers[f"GET {path}"] = lambda handler: (
                time.sleep(0.1),
                handler.answer(200, service.documents[handler.path]),
            )
            self.assertEqual(expected, self.crawl(service))

    def test_a_crawl_is_lazy(self):
        service = self.pod(systems=100)
        crawl = self.connect(service.url).crawl(Etags())
        next(crawl)
        self.assertLess(len(service.requests), 20)
        crawl.close()


class ThreadsTest(CrawlTestCase):
    def setUp(self):
        super().setUp()
        self.configure(concurrency=3, max_concurrency=3)
        self.service = self.pod(systems=30)
        self.lock = threading.Lock()
        self.running = self.most = 0

    def watch(self):
        """Count how many requests run at the same time."""
        for path in self.service.documents:
            self.service.answers[f"GET {path}"] = self._counted

    def _counted(self, handler):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.002)
        with self.lock:
            self.running -= 1
        handler.answer(200, self.service.documents[handler.path])

    def test_requests_in_flight_are_bounded(self):
        self.watch()
        self.crawl(self.service)
        self.assertEqual(3, self.most)

    def test_one_thread_finds_the_same(self):
        expected = self.crawl(self.service)
        self.configure(concurrency=1)
        self.assertEqual(expected, self.crawl(self.service))

    def test_threads_end_with_the_crawl(self):
        self.crawl(self.service)
        self.assertEqual([], self.readers())

    def test_threads_end_with_a_crawl_that_is_not_finished(self):
        crawl = self.connect(self.service.url).crawl(Etags())
        next(crawl)
        crawl.close()
        self.assertEqual([], self.readers())

    def test_threads_end_with_a_crawl_that_fails(self):
        for path in list(self.service.documents)[5:]:
            self.service.answers[f"GET {path}"] = lambda handler: handler.answer(503, {})
        self.assertRaises(errors.PodManagerUnreachable, self.crawl, self.service)
        self.assertEqual([], self.readers())

    def readers(self):
        return [thread for thread in threading.enumerate() if thread.name.startswith("redfish")]
