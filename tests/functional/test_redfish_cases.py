# SPDX-License-Identifier: Apache-2.0
"""Redfish services as they are in the field, each against a whole conductor: what it shows, tells and leaves behind."""

import collections
import json

import fixtures
from testscenarios.scenarios import load_tests_apply_scenarios

from tests import base
from tests import embedded
from tests import message_bus
from tests import redfish_case
from valence.db import types

#: seconds for a synchronization of one of these small services, on a machine that does much else
SYNC_SECONDS = 60
ENDED = ("succeeded", "failed", "cancelled")
PAGE = 1000
CASES = (
    "b01-members-is-object",
    "b03-members-absent-count-says-1",
    "b07-nextlink-plain",
    "c01-resource-200-error-body",
    "c03-known-resource-200-error-once",
    "c05-partial-document-with-error",
    "e01-psu-no-member-id-odd-fragment",
    "e04-powersubsystem-dead",
    "e06-storage-empty-simplestorage-full",
    "e08-ports-dead-networkports-full",
    "e10-hpe-smartstorage-only",
    "e12-pcie-under-system-and-chassis",
    "e13-case-differs",
    "f03-expand-flips",
    "f06-expand-drops-status-and-links",
    "f08-expand-null-members",
    "g02-forbidden-fabrics",
    "h09-redirect-301-absolute",
    "h14-root-slash-401",
    "h16-absolute-links",
    "h23-tls-1.2-rsa-cbc",
    "s03-no-location-body-list",
    "s03-no-location-body-null",
    "s04-location-absolute-other-host",
    "s08-session-404-body-error-null",
    "s08-session-404-body-info-string",
    "s08-session-404-body-null",
    "s08-session-404-body-string",
    "s09-session-401-body-list",
    "s11-sessions-401-no-challenge-basic-works",
    "s13-sessions-link-null",
    "s20-expired-403",
    "s22-expired-200-html",
    "s24-everything-500",
    "s29-everything-times-out",
    "v03-subscription-201-no-location-no-body",
    "v06-subscription-location-absolute",
    "v08-subscription-location-relative",
    "v16-origin-missing",
    "v19-event-at-transition",
    "v22-origin-case",
    "x05-unnamed",
    "x07-processor-ports",
    "x09-power-shelf",
    "x19-url-is-a-collection",
    "x20-root-is-error",
    "x23-identity-hex-zeros-memory",
    "x24-chassis-parts-401",
)  # fmt: skip

load_tests = load_tests_apply_scenarios


class RedfishCaseTest(base.TestCase):
    """One case: register the service, go through its phases, remove it."""

    time_limit = 240
    scenarios = [(name, {"case": name}) for name in CASES]

    def setUp(self):
        super().setUp()
        # whatever happens before a subscription is looked for some time after it
        self.useFixture(
            fixtures.MonkeyPatch("valence.conductor.hardware_events.subscriptions.RECONCILE_SECONDS", 1.0)
        )
        self.service = self.useFixture(redfish_case.Case(self.case))
        conductor = self.useFixture(
            embedded.Conductor(
                events__host="127.0.0.1", events__port=0, redfish__read_timeout=4, redfish__connect_timeout=2
            )
        )
        self.client = conductor.client
        self.context = message_bus.user_context()

    def test_case(self):
        access = {"username": redfish_case.USERNAME, "password": redfish_case.PASSWORD, "verify_ca": "false"}
        values = {"name": self.case, "url": self.service.url} | access
        values |= self.service.case.get("register", {})
        created = self.client.pod_managers.create(self.context, values)
        self.uuid, operation = created["pod_manager"]["uuid"], self.ended(created["operation"])
        for number, phase in enumerate(self.service.case["phases"]):
            told = len(self.events())
            if number:
                operation = self.enter(number, phase) or operation
            self.check(number, phase.get("expect", {}), operation, told)
        self.client.pod_managers.delete(self.context, self.uuid, force=True)
        if self.service.case.get("leak_check"):
            self.wait_for(
                lambda: not (self.service.sessions or self.service.subscriptions),
                message=lambda: f"left behind: {self.service.sessions} {self.service.subscriptions}",
            )

    def enter(self, number, phase):
        """Go on to a phase; return the operation that ended in it, None where there was none."""
        if phase.get("expire"):
            self.service.sessions.clear()
        self.service.phase = number
        if phase.get("settle"):
            self.settle()
        if phase.get("fire"):
            self.service.fire(phase["fire"])
        elif not phase.get("nosync"):
            for _ in range(phase.get("syncs", 1)):
                operation = self.ended(self.client.pod_managers.sync(self.context, self.uuid))
            return operation
        return None

    def settle(self):
        """Wait until the pod manager tells of its changes, and was synchronized after that."""
        self.wait_for(lambda: self.service.subscriptions, SYNC_SECONDS, "there is no subscription")
        since = types.now()
        self.wait_for(
            lambda: self.pod_manager()["last_synced_at"] > since, SYNC_SECONDS, "no synchronization"
        )

    def ended(self, operation):
        """Return an operation when it has ended."""

        def look():
            shown = self.client.records.get(self.context, "Operation", operation["uuid"])
            return shown["state"] in ENDED and shown

        return self.wait_for(look, SYNC_SECONDS, "an operation does not end")

    def rows(self, model, sort="uuid"):
        """Return what is stored of a model for the pod manager."""
        page = self.client.records.list(
            self.context, model, filters=[["podm_id", "eq", self.uuid]], sort=[[sort, False]], limit=PAGE
        )
        return json.loads(page["rows"])

    def events(self):
        """Return the types of all events, in order."""
        return [event["event_type"] for event in self.rows("Event", "sequence")]

    def pod_manager(self):
        return self.client.records.get(self.context, "PodManager", self.uuid)

    def check(self, number, expected, operation, told):
        """Wait until everything is as a phase says it must be, and fail with what is not."""

        def problems():
            return list(self.problems(expected, operation, told))

        self.wait_for(
            lambda: not problems(),
            SYNC_SECONDS / 3 if "events" in expected or "pm" in expected else 0.1,
            lambda: f"phase {number}: {problems()}",
        )

    def problems(self, expected, operation, told):
        """Yield what is not as it must be, each by the name that the case has for it."""
        resources = self.rows("ResourceWithState")
        places = sorted([row["resource_type"], row["resource_url"]] for row in resources)
        events = [name for name in self.events()[told:] if name.startswith("valence.resource.")]
        found = {
            "urls": places,
            "has": [place for place in expected.get("has", []) if place in places],
            "hasnot": [place for place in expected.get("hasnot", []) if place not in places],
            "count": len(places),
            "op": operation["state"],
            "events": dict(collections.Counter(events)),
        }
        wanted = {name: expected[name] for name in found if name in expected}
        wanted |= {"urls": sorted(wanted["urls"])} if "urls" in wanted else {}
        yield from ((name, found[name], value) for name, value in wanted.items() if found[name] != value)
        yield from self.other_problems(expected, operation, {row["resource_url"]: row for row in resources})

    def other_problems(self, expected, operation, resources):
        cause, pod_manager = operation["cause"] or "", self.pod_manager()
        if expected.get("cause", "").lower() not in cause.lower():
            yield "cause", cause, expected["cause"]
        if operation["progress"].get("unread", 0) < expected.get("unread", 0):
            yield "unread", operation["progress"], expected["unread"]
        for name, value in expected.get("pm", {}).items():
            shown = pod_manager[name.rstrip("~")]
            if shown != value if not name.endswith("~") else value.lower() not in (shown or "").lower():
                yield name, shown, value
        for url, fields in expected.get("row", {}).items():
            shown = {name: resources.get(url, {}).get(name) for name in fields}
            if shown != fields:
                yield url, shown, fields
        figures = self.service.figures()
        for name, value in expected.get("server", {}).items():
            if figures[name.removesuffix("_max")] > value or not (
                name.endswith("_max") or figures[name] == value
            ):
                yield name, figures[name.removesuffix("_max")], value
