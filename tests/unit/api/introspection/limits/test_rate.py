# SPDX-License-Identifier: Apache-2.0
"""How many documents an address may send."""

import json
from concurrent import futures

import requests

from tests import ramdisk
from tests.unit.api.introspection import case
from valence.api.http import api_server
from valence.api.introspection import limits
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store

#: ramdisks behind one address, and how many of them send at once
RACK, AT_ONCE = 200, 16


class RateTest(case.IntrospectionCase):
    options = {"processing__documents_per_minute": 2}

    def refuse(self, limit, address, error=None):
        """Let a document be refused, by default one of no machine that is waited for."""
        error = error or errors.BadRequest(reason="x")
        with self.assertRaises(type(error)), limit.counted(address):
            raise error

    def assert_full(self, limit, address):
        with self.assertRaises(introspection_errors.TooManyDocuments), limit.counted(address):
            self.fail("the document was read")

    def test_a_bucket_fills_up_in_a_minute(self):
        now = [0.0]
        limit = limits.Rate(2, clock=lambda: now[0])
        for _ in range(2):
            self.refuse(limit, "10.0.0.1")
        self.assert_full(limit, "10.0.0.1")
        self.refuse(limit, "10.0.0.2")
        now[0] = 30.0
        self.refuse(limit, "10.0.0.1")
        self.assert_full(limit, "10.0.0.1")

    def test_documents_of_machines_that_are_waited_for_are_not_counted(self):
        limit = limits.Rate(1)
        for _ in range(3):
            with limit.counted("10.0.0.1"):
                pass
            for error in (
                introspection_errors.RamdiskFailed(reason="no disk"),
                errors.Conflict(reason="it is being processed"),
                errors.StoreUnavailable(reason="away"),
            ):
                self.refuse(limit, "10.0.0.1", error)

    def test_who_sends_too_many_is_asked_to_come_later(self):
        answers = [self.call("POST", "/v1/continue", json={}) for _ in range(3)]
        self.assertEqual([400, 400, 503], [answer.status_code for answer in answers])
        self.assertEqual("10", answers[-1].headers["Retry-After"])

    def test_what_is_counted(self):
        unknown = self.document()
        unknown["inventory"]["system_vendor"]["serial_number"] = "SER-9"
        wrong = (b"{", b"[]", json.dumps(unknown), json.dumps(unknown | {"error": "no disk"}))
        for number, data in enumerate(wrong, 2):
            sender = {"REMOTE_ADDR": f"127.0.0.{number}"}
            answers = [self.call("POST", "/v1/continue", data=data, environ_base=sender) for _ in range(3)]
            self.assertEqual([400, 400, 503], [answer.status_code for answer in answers], data)


class RackTest(case.IntrospectionCase):
    time_limit = 180

    def test_a_rack_behind_one_address_is_not_turned_away(self):
        macs = [f"02:00:00:00:01:{number:02x}" for number in range(RACK)]
        self.wait_for_ramdisks(macs)
        served = api_server.Server(self.conf, self.application, "127.0.0.1", 0)
        served.start()
        self.addCleanup(served.stop)
        url = f"{served.url}/introspection"
        self.assertEqual([], [code for code in self.answers(url, macs) if code != 200])
        finished = self.backend.store.list(
            models.Introspection, filters=[store.Filter("state", "eq", "finished")]
        )
        self.assertEqual(RACK, len(finished))

    def wait_for_ramdisks(self, macs):
        """Store introspections that wait for ramdisks with these MAC addresses."""
        pod_manager = self.add_pod_manager(name="rack", url="http://127.0.0.2:9/redfish/v1")
        machines = self.add_resources(pod_manager, *["System"] * len(macs))
        rows = [
            models.Introspection(uuid=uuid, podm_id=pod_manager["uuid"], state="waiting", manage_boot=False)
            for uuid in machines
        ]
        addresses = [
            models.IntrospectionAddress(id=f"{uuid}/mac/{mac}", introspection_id=uuid, value=mac)
            for uuid, mac in zip(machines, macs, strict=True)
        ]
        self.backend.store.commit(*map(store.Create, rows), *map(store.Create, addresses))

    def answers(self, url, macs):
        with futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda mac: self.status_of(url, mac), macs))

    def status_of(self, url, mac):
        try:
            return ramdisk.post(url, ramdisk.document("small", mac)).status_code
        except requests.RequestException as error:
            return str(error)
