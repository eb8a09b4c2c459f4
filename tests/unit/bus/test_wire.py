# SPDX-License-Identifier: Apache-2.0
"""Errors between processes of different versions; over ``local://``."""

import fixtures
import oslo_messaging

from tests import base
from tests import message_bus
from valence.bus import messaging
from valence.bus import wire
from valence.common import bus_errors
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors


class InStorage(errors.InMaintenance):
    """An error that older versions lack."""

    code, title = "valence.in_storage", "In Storage"
    message, hint = "The pod manager {key} is in storage.", "Take {key} out."
    __module__ = errors.__name__


class Crowded(bus_errors.Busy):
    """One in a module that older versions lack."""

    message, retry_after = "There are too many {what}.", 17
    __module__ = "valence.common.crowds"


class NotFound(errors.NotFound):
    """One whose class older versions make with other keywords."""

    message = "There is no {thing}."
    __module__ = errors.__name__


class RemoteErrorsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch(
                "tests.message_bus.Probe.refuse", messaging.expose(lambda own, context: self.refuse())
            )
        )
        self.bus = self.useFixture(message_bus.Bus())
        self.bus.serve()
        self.caller = self.bus.caller()

    def refuse(self):
        raise self.raised

    def error(self, raised):
        """Return the error that a caller gets where a conductor raises another one."""
        self.raised = raised
        return self.assertRaises(
            errors.ValenceError, self.caller.call, message_bus.user_context(), "probe", "refuse", 5
        )

    def test_a_class_that_the_caller_lacks_arrives_as_the_nearest_one_that_it_knows(self):
        for raised, known in (
            (InStorage(key="p1"), errors.InMaintenance),
            (Crowded(what="people"), bus_errors.Busy),
            (NotFound(thing="spoon"), errors.NotFound),
        ):
            error = self.error(raised)
            self.assertIsInstance(error, known)
            for name in ("status", "code", "title", "detail", "problems"):
                self.assertEqual(getattr(raised, name), getattr(error, name))
            self.assertEqual(getattr(raised, "retry_after", None), error.retry_after)
            self.assertNotIn("Traceback", self.log.output)

    def test_it_may_travel_on(self):
        first = self.error(InStorage(key="p1"))
        second = self.error(first)
        self.assertIsInstance(second, errors.InMaintenance)
        self.assertEqual((first.code, first.problems), (second.code, second.problems))

    def test_what_describes_no_error_is_internal_and_logged(self):
        for message in (None, "text", "[]", "{}", '{"bases": ["NoError"], "status": 409}'):
            self.assertIsNone(wire.received(message))
        self.useFixture(fixtures.MonkeyPatch("valence.bus.wire._describe", lambda error: "nothing"))
        self.assertIs(errors.Internal, type(self.error(InStorage(key="p1"))))
        self.assertIn("the call of probe.refuse failed", self.log.output)

    def test_callers_of_the_first_version_get_classes_that_they_know(self):
        client = oslo_messaging.get_rpc_client(
            self.bus.transport(), oslo_messaging.Target(topic=messaging.TOPIC, namespace="probe"), timeout=5
        )
        for raised, plain in (
            (errors.InMaintenance(key="p1"), errors.Conflict),
            (bus_errors.Busy(what="with details"), errors.Unavailable),
            (errors.TargetDeleted(kind="pod_manager"), errors.Conflict),
            (
                introspection_errors.NotKept(key="u1", storage="mine", what="data"),
                introspection_errors.NoIntrospectionData,
            ),
            (composition_errors.NothingFits(problems=[{"detail": "no GPU"}]), errors.Conflict),
            (
                composition_errors.HardwareOutcomeUnknown(url="http://p", reason="cut"),
                errors.PodManagerUnreachable,
            ),
        ):
            self.raised = raised
            error = self.assertRaises(errors.ValenceError, client.call, {}, "refuse")
            self.assertEqual([plain], [each for each in type(error).__mro__ if each is plain])
            self.assertIn(plain.__name__, wire.FIRST_VERSION)
            self.assertEqual(raised.status, error.status)
            if plain in wire.PLAIN:
                self.assertEqual(f"{raised.detail} {raised.hint}", error.detail)


class PageTest(base.TestCase):
    """Pages between callers and conductors of this version and of earlier ones."""

    ROWS = f'["{"x" * wire.PACKED_ABOVE}"]'

    def test_a_long_page_is_packed_for_callers_that_unpack_it(self):
        sent = wire.page(wire.ALL, self.ROWS, 1, "k")
        self.assertNotIn("rows", sent)
        self.assertLess(len(sent["packed"]), len(self.ROWS) // 10)
        self.assertEqual({"rows": self.ROWS, "count": 1, "next": "k"}, wire.unpacked(sent))

    def test_a_caller_of_an_earlier_version_gets_the_text(self):
        query = {name: value for name, value in wire.ALL.items() if name != "packed"}
        self.assertEqual({"rows": self.ROWS, "count": 1, "next": None}, wire.page(query, self.ROWS, 1, None))

    def test_a_short_page_is_not_worth_packing(self):
        self.assertEqual({"rows": "[]", "count": 0, "next": None}, wire.page(wire.ALL, "[]", 0, None))

    def test_a_conductor_of_an_earlier_version_sends_the_text(self):
        answer = {"rows": "[]", "count": 0, "next": None, "epochs": []}
        self.assertEqual(answer, wire.unpacked(dict(answer)))
