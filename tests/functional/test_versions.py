# SPDX-License-Identifier: Apache-2.0
"""Processes of two versions work together: what earlier versions said on the bus is said again to this one."""

import json

import oslo_messaging
import testscenarios
from werkzeug import test

from tests import base
from tests import embedded
from tests import wire
from tests.unit.api import case
from valence.api.http import app
from valence.bus import messaging
from valence.common import errors
from valence.conductor import client
from valence.db import models

VERSIONS = [(path.stem, {"path": path}) for path in sorted(wire.RECORDS.glob("*.json"))]
SHOWN = {"pod_managers": "PodManager", "operations": "Operation", "resources": "ResourceWithState"}


class VersionCase(testscenarios.WithScenarios, base.TestCase):
    """A test with ``exchanges``, what was recorded with each version."""

    scenarios = VERSIONS

    def setUp(self):
        super().setUp()
        self.exchanges = json.loads(self.path.read_text())

    def exchange(self, namespace, method, **arguments):
        """Return the first recorded exchange of a method that had these arguments."""
        return next(
            each
            for each in self.exchanges
            if (each["message"]["namespace"], each["message"]["method"]) == (namespace, method)
            and arguments.items() <= each["message"]["args"].items()
        )


class OldCallerTest(VersionCase):
    """An API of an earlier version asks a conductor of this one."""

    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod(systems=1)).simulator
        self.conductor = self.useFixture(embedded.Conductor())
        self.transport = self.conductor.bus.transport()
        self.counterparts = {}

    def test_every_call_is_answered_with_what_it_relies_on(self):
        for exchange in self.exchanges:
            self.repeat(exchange)
            if exchange["message"]["method"] in ("create", "sync"):
                self.wait_for(self.is_idle, 20)

    def repeat(self, exchange):
        """Ask what was asked then, about what is there now, and compare the answers."""
        if exchange["message"]["method"] == "details":
            [self.counterparts[exchange["message"]["args"]["uuids"][0]]] = [
                row.uuid for row in self.conductor.database.resources("System")
            ]
        if "error" in exchange:
            raised = self.assertRaises(errors.ValenceError, self.ask, exchange)
            self.assertEqual(exchange["error"], type(raised).__bases__[0].__name__)
            self.assertEqual([], wire.lacking(exchange["kwargs"], raised.kwargs))
            return
        answer = self.ask(exchange)
        old, new = parsed(exchange["answer"]), parsed(answer)
        self.assertEqual([], wire.lacking(old, new), exchange["message"])
        self.counterparts |= wire.counterparts(old, new)

    def ask(self, exchange):
        """Send the message of an exchange as it is, but for identifiers and addresses."""
        text = json.dumps(exchange["message"])
        for old, new in self.counterparts.items():
            text = text.replace(old, new)
        message = json.loads(text)
        if message["method"] == "create":
            message["args"]["values"]["url"] = f"{self.pod.url}/redfish/v1"
        target = oslo_messaging.Target(topic=messaging.TOPIC)
        return self.transport._send(target, exchange["context"], message, wait_for_reply=True, timeout=20)

    def is_idle(self):
        rows = self.conductor.database.store.list(models.Operation)
        return all(row.ended_at for row in rows)


class OldConductor:
    """Answers as a conductor of an earlier version did, for an API of this one."""

    liveness = case.Heard()

    def __init__(self, exchanges):
        self._exchanges = exchanges

    def call(self, ctxt, namespace, method, timeout, **arguments):
        """Return what was answered then to such a call; a method that was unknown then is refused as it was."""
        for each in self._exchanges:
            message = each["message"]
            asked = message["namespace"], message["method"], message["args"].get("model")
            if asked == (namespace, method, arguments.get("model")) and "answer" in each:
                return each["answer"]
        raise errors.ConductorUnavailable(reason=f"it does not know {namespace}.{method}")


class OldConductorTest(VersionCase):
    """An API of this version asks a conductor of an earlier one."""

    def setUp(self):
        super().setUp()
        conductor = client.Conductor(OldConductor(self.exchanges))
        application = app.create_app(case.configuration(self.make_folder()), conductor)
        self.addCleanup(application.stop)
        self.client = test.Client(application)

    def request(self, method, url, **keywords):
        return self.client.open(url, method=method, environ_base={"REMOTE_ADDR": "127.0.0.1"}, **keywords)

    def test_its_rows_are_shown(self):
        for name, model in (
            ("pod_managers", "PodManager"),
            ("operations", "Operation"),
            ("resources", "ResourceWithState"),
        ):
            uuid = self.exchange("records", "get", model=model)["answer"]["uuid"]
            self.assertEqual(200, self.request("GET", f"/v1/{name}").status_code)
            shown = self.request("GET", f"/v1/{name}/{uuid}")
            self.assertEqual((200, uuid), (shown.status_code, shown.json["uuid"]), shown.text)
        self.assertEqual(200, self.request("GET", "/v1/events").status_code)
        self.assertEqual(200, self.request("GET", "/readyz").status_code)

    def test_its_work_is_accepted(self):
        made = self.request(
            "POST", "/v1/pod_managers", json={"name": "a", "url": "http://127.0.0.1:1/redfish/v1"}
        )
        self.assertEqual(201, made.status_code, made.text)
        uuid = made.json["uuid"]
        self.assertEqual(202, self.request("POST", f"/v1/pod_managers/{uuid}/sync").status_code)
        self.assertEqual(
            200, self.request("PATCH", f"/v1/pod_managers/{uuid}", json={"name": "b"}).status_code
        )

    def test_what_it_does_not_know_is_refused_for_the_moment(self):
        refused = self.request("POST", f"/v1/operations/{case.UUID}/cancel")
        self.assertEqual(503, refused.status_code)
        self.assertIn("Retry-After", refused.headers)


def parsed(answer):
    """Return an answer with its rows, which travel as text, taken apart."""
    if isinstance(answer, dict) and isinstance(answer.get("rows"), str):
        return answer | {"rows": json.loads(answer["rows"])}
    return answer
