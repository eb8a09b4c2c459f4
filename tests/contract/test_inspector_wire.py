# SPDX-License-Identifier: Apache-2.0
"""What ironic-inspector answered, answered by Valence: equal in status and shape, but for what differences.json lists.

The requests of a section are replayed in their order. Machines that the recorded service knew are machines here,
under other identifiers; documents that were recorded in part only are made of the samples.
"""

import json
import re

import bcrypt

from tests import base
from tests import ramdisk
from tests.unit.api.introspection import case
from valence.common import context
from valence.db import models
from valence.db import store

WIRE, DIFFERENCES = ramdisk.read("wire"), ramdisk.read("differences")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: of what clients send, what the service looks at
HEADERS = ("X-OpenStack-Ironic-Inspector-API-Version", "Authorization", "Content-Type")
#: name there of the first machine
NAME = "h-cf81-0"


class Replay:
    """The exchanges of one section, and which machine here stands for which there."""

    def __init__(self, test, section):
        self._test, self._section = test, section
        self.exchanges = [
            each
            for each in WIRE["sections"][section]
            if not str(each["note"]).startswith(tuple(DIFFERENCES["not_replayed"]))
        ]
        self.machines, self._started = {}, None
        self._known = {
            uuid
            for each in self.exchanges
            if each["response"]["status"] < 400
            for uuid in UUID.findall(each["request"]["path"])
        }

    def machine(self, recorded):
        """Return the identifier here of a machine there."""
        if recorded not in self._known:
            return recorded
        if recorded not in self.machines:
            self.machines[recorded] = self._test.add_machine(f"SER-{len(self.machines)}")
        return self.machines[recorded]

    def run(self):
        """Replay everything and return ``[(place, what differs)]``."""
        differing = []
        for each in self.exchanges:
            response = self._send(each)
            wanted = each["response"]
            here = (response.status_code, shape(response.get_json(silent=True)))
            there = (wanted["status"], shape(wanted["body"]))
            if not alike(there, here):
                differing.append((f"{self._section}/{each['seq']}", there, here, response.text[:300]))
            self._test.check_headers(response)
        return differing

    def _send(self, exchange):
        request, note = exchange["request"], str(exchange["note"])
        path = UUID.sub(lambda found: self.machine(found[0]), request["path"])
        if NAME in path:
            path = path.replace(NAME, self._test.name_of(next(iter(self.machines.values()))))
        if note.startswith("node deleted") and exchange["response"]["status"] == 404:
            self._test.remove(*UUID.findall(path))
        self._prepare(request, path)
        self._make_up_for(exchange, path)
        headers = {name: value for name, value in request["headers"].items() if name in HEADERS}
        body = self._body(exchange)
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        response = self._test.call(request["method"], path, headers=headers, data=data)
        if request["method"] == "POST" and response.status_code == 202 and UUID.search(path):
            self._test.settle(UUID.search(path)[0])
        return response

    def _make_up_for(self, exchange, path):
        """Do what must have been asked between two recorded requests, and was not recorded."""
        answer = exchange["response"]["body"]
        if path == "/v1/continue" and exchange["response"]["status"] == 200:
            self._started = self.machine(answer["uuid"])
            if not self._test.is_known(self._started):
                self._test.start_machine(self._started)
        if str(exchange["note"]).startswith("large payload") and path.endswith("/unprocessed"):
            document = self._document("large", self._test.serial_of(self._started))
            self._test.call("POST", "/v1/continue", json=document)

    def _prepare(self, request, path):
        """Bring about what had happened before the recording began."""
        for uuid in UUID.findall(path):
            is_start = request["method"] == "POST" and path.partition("?")[0].endswith(uuid)
            if is_start:
                self._started = uuid
            elif uuid in self.machines.values() and not self._test.is_known(uuid):
                self._test.start_machine(uuid)

    def _body(self, exchange):
        body = exchange["request"]["body"]
        if not isinstance(body, dict) or not body.get("_truncated"):
            return body
        size = "small" if body["len"] < 10_000 else "medium" if body["len"] < 100_000 else "large"
        is_nobody = "unknown machine" in str(exchange["note"])
        document = self._document(size, "SER-none" if is_nobody else self._test.serial_of(self._started))
        failed = "Can not transition" in json.dumps(exchange["response"]["body"])
        return document | ({"error": "no disk"} if failed else {})

    def _document(self, size, serial):
        document = ramdisk.sample(size)
        document["inventory"]["system_vendor"]["serial_number"] = serial
        return document


def shape(body):
    """Return names and types of a body, of a long list or document as far as it was recorded."""
    if isinstance(body, dict):
        return "long" if body.get("_truncated") else {name: shape(value) for name, value in body.items()}
    if isinstance(body, list):
        return [shape(body[0])] if body else []
    return type(body).__name__


def alike(there, here):
    """Return whether what is here can be taken for what is there: null may be something, a list may be empty."""
    if isinstance(there, tuple):
        return there[0] == here[0] and alike(there[1], here[1])
    if there == "long":
        return isinstance(here, (dict, list))
    if isinstance(there, dict) and isinstance(here, dict):
        return there.keys() == here.keys() and all(alike(there[name], here[name]) for name in there)
    if isinstance(there, list) and isinstance(here, list):
        return not (there and here) or alike(there[0], here[0])
    return there == here or "NoneType" in (there, here) and isinstance(there, str) and isinstance(here, str)


#: ironic-inspector boots machines and knows no token
AS_RECORDED = {"processing__require_token": "never"}


class WireCase(case.IntrospectionCase):
    options = AS_RECORDED

    def add_machine(self, serial):
        (pod_manager,) = self.backend.store.list(models.PodManager)
        resource = models.Resource(
            podm_id=pod_manager.uuid, resource_url=f"/redfish/v1/Systems/{serial}", resource_type="System"
        )
        state = models.ResourceState(uuid=resource.uuid, name=f"machine-{serial}", identity=serial)
        self.backend.store.commit(store.Create(resource), store.Create(state))
        return resource.uuid

    def row(self, uuid):
        return self.backend.store.get(models.ResourceState, uuid)

    def name_of(self, uuid):
        return self.row(uuid).name

    def serial_of(self, uuid):
        return self.row(uuid).identity if uuid else "SER-none"

    def remove(self, uuid):
        if self.backend.store.count(models.Resource, filters=[store.Filter("uuid", "eq", uuid)]):
            self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, uuid)))

    def is_known(self, uuid):
        found = self.backend.store.count(models.Introspection, filters=[store.Filter("uuid", "eq", uuid)])
        gone = not self.backend.store.count(models.Resource, filters=[store.Filter("uuid", "eq", uuid)])
        return bool(found) or gone

    def start_machine(self, uuid):
        self.backend.conductor.introspection.start(self.admin(), uuid, manage_boot=False)
        self.settle(uuid)

    def settle(self, uuid):
        """Do in the background what a conductor does, and wait for it; nobody boots the machines."""
        row = self.backend.store.get(models.Introspection, uuid)
        if row.state == "starting":
            self.backend.store.commit(store.Update(row, {"manage_boot": False}))
            self.backend.introspecting.introspector.look()
            self.wait_for(
                lambda: self.backend.store.get(models.Introspection, uuid).state == "waiting",
                message=lambda: str(vars(self.backend.store.get(models.Introspection, uuid))),
            )

    def admin(self):
        return context.RequestContext(roles=["admin"], overwrite=False)

    def check_headers(self, response):
        self.assertEqual("1.0", response.headers["X-OpenStack-Ironic-Inspector-API-Minimum-Version"])
        self.assertEqual("1.18", response.headers["X-OpenStack-Ironic-Inspector-API-Maximum-Version"])

    def replay(self, section):
        """Replay a section: only what is listed differs, and in the way that is listed."""
        found = {place: (there, here, text) for place, there, here, text in Replay(self, section).run()}
        listed = {
            place: told for place, told in DIFFERENCES["differences"].items() if place.startswith(section)
        }
        self.assertEqual({}, {place: each for place, each in found.items() if place not in listed})
        self.assertEqual({}, {place: each for place, each in listed.items() if place not in found})
        statuses = {place: each[1][0] for place, each in found.items()}
        self.assertEqual({place: told["status"] for place, told in listed.items()}, statuses)


class DatabaseWireTest(WireCase):
    time_limit = 180

    def test_database(self):
        self.replay("inspector_store_database")


class NoneWireTest(WireCase):
    time_limit = 180
    options = AS_RECORDED | {"processing__storage_backend": "none"}

    def test_none(self):
        self.replay("inspector_store_none")


class SharedWireTest(WireCase):
    time_limit = 180
    options = AS_RECORDED | {"processing__storage_backend": "file"}

    def test_a_storage_outside_of_the_database(self):
        self.replay("inspector_store_swift")


class BasicWireTest(WireCase):
    time_limit = 180

    def setUp(self):
        password = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
        file = self.make_folder() / "htpasswd"
        file.write_text(f"admin:{password}\n")
        basic = {"auth_strategy": "http_basic", "api__http_basic_auth_user_file": str(file)}
        self.options = AS_RECORDED | basic
        super().setUp()

    def request(self, method, url, **keywords):
        if url == "/v1/pod_managers":
            keywords["headers"] = {"Authorization": "Basic YWRtaW46c2VjcmV0"}
        return super().request(method, url, **keywords)

    def test_basic(self):
        self.replay("inspector_http_basic")


class DifferencesTest(base.TestCase):
    def test_each_has_a_reason(self):
        for told in [*DIFFERENCES["differences"].values(), *DIFFERENCES["not_replayed"].values()]:
            reason = told["reason"] if isinstance(told, dict) else told
            self.assertTrue(reason.endswith("."), told)
