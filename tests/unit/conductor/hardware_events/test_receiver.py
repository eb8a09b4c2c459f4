# SPDX-License-Identifier: Apache-2.0
"""The receiver takes events at secret URLs, and garbage without harm."""

import socket

import requests
import trustme

from tests import base
from tests import embedded
from tests import figures
from valence.conductor.hardware_events import receiver

POD_MANAGER = "http://127.0.0.1:8000/redfish/v1"


class ReceiverCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.conf = self.useFixture(embedded.Database()).conf
        self.taken = []
        for name, value in {"host": "127.0.0.1", "port": 0, "max_body_kib": 1}.items():
            self.configure(name, value)

    def configure(self, name, value):
        self.conf.set_override(name, value, "events")

    def receive(self):
        """Start a receiver and return the URL of a subscription."""
        self.receiver = receiver.Receiver(self.conf.events)
        self.addCleanup(self.receiver.stop)
        self.receiver.start()
        return self.receiver.open(POD_MANAGER, self.taken.append)

    def post(self, url, **keywords):
        return requests.post(url, timeout=60, **keywords).status_code


class EventTest(ReceiverCase):
    def test_an_event_is_taken(self):
        self.assertEqual(204, self.post(self.receive(), json={"Events": []}))
        self.assertEqual([{"Events": []}], self.taken)

    def test_each_subscription_has_a_secret_of_its_own(self):
        one = self.receive()
        two = self.receiver.open(POD_MANAGER, self.taken.append)
        self.assertNotEqual(one, two)
        self.assertGreaterEqual(len(one.rpartition("/")[2]), 32)

    def test_a_secret_works_until_its_subscription_is_closed(self):
        url = self.receive()
        self.receiver.close(url)
        self.assertEqual(404, self.post(url, json={}))

    def test_over_tls(self):
        authority, folder = trustme.CA(), self.make_folder()
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        for name in ("tls_cert_file", "tls_key_file"):
            self.configure(name, str(folder / "both.pem"))
        url = self.receive()
        self.assertTrue(url.startswith("https://127.0.0.1:"), url)
        self.assertEqual(204, self.post(url, json={}, verify=str(folder / "ca.pem")))

    def test_the_url_is_the_configured_one_or_that_of_the_way_to_the_pod_manager(self):
        port = self.receive().split("/")[2].partition(":")[2]
        own = self.receiver.open("https://192.0.2.1/redfish/v1", self.taken.append)
        self.assertEqual(
            f"http://{receiver.own_address('192.0.2.1', 443)}:{port}/events", own.rpartition("/")[0]
        )
        self.configure("receiver_url", "https://valence.example.com:9/x/")
        known = self.receiver.open(POD_MANAGER, self.taken.append)
        self.assertTrue(known.startswith("https://valence.example.com:9/x/events/"), known)


class GarbageTest(ReceiverCase):
    def setUp(self):
        super().setUp()
        self.url = self.receive()
        self.root = self.url.rpartition("/events/")[0]

    def test_nobody_posts_without_the_secret(self):
        paths = ("", "/", "/events", "/events/", "/events/x", "/x", "/events/" + "y" * 5000, "/events/%00%ff")
        for path in paths:
            self.assertEqual(404, self.post(self.root + path, json={"Events": []}), path)
        self.assertEqual(404, self.post(self.url + "/x", json={}))
        self.assertEqual(404, self.post(self.url[:-1], json={}))
        self.assertEqual([], self.taken)

    def test_other_methods_are_refused(self):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            self.assertEqual(405, requests.request(method, self.url, timeout=60).status_code)

    def test_what_is_no_json_is_refused(self):
        for body in (b"", b"{", b"\xff\xfe", b"[" * 1000, b"NaN,"):
            self.assertEqual(400, self.post(self.url, data=body), body)

    def test_too_much_is_refused_whether_its_length_is_told_or_not(self):
        with figures.growth("valence_conductor_hardware_events_total", result="refused") as refused:
            self.assertEqual(413, self.post(self.url, data=b" " * 2000))
            self.assertEqual(413, self.post(self.url, data=iter([b" " * 1000] * 3)))
        self.assertEqual(2, refused())

    def test_what_is_no_http_is_survived(self):
        address = self.root.removeprefix("http://").split(":")
        for data in (
            b"\x16\x03\x01\x02\x00",
            b"POST\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        ):
            with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
                connection.sendall(data)
        self.assertEqual(204, self.post(self.url, json={}))

    def tearDown(self):
        self.assertNotIn("Traceback", self.log.output)
        super().tearDown()
