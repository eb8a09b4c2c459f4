# SPDX-License-Identifier: Apache-2.0
"""Calls about nodes that wait for others of their project."""

import fixtures

from tests import base
from valence.common import composition_errors
from valence.conductor import composition_client


class Caller:
    """Answers that a project is busy as often as ``busy`` says."""

    def __init__(self, busy):
        self.busy, self.calls = busy, []

    def call(self, _context, _namespace, method, _timeout, **_kwargs):
        self.calls.append(method)
        if len(self.calls) <= self.busy:
            raise composition_errors.QuotaBusy()
        return {"node": {}}


class BusyTest(base.TestCase):
    def setUp(self):
        super().setUp()
        for name, value in (("QUOTA_PATIENCE", 0.2), ("QUOTA_PAUSES", (0.0, 0.01))):
            self.useFixture(fixtures.MonkeyPatch(f"{composition_client.__name__}.{name}", value))

    def test_a_call_is_made_again_until_it_is_its_turn(self):
        for name, arguments in (("create", [{}]), ("manage", [{}]), ("act", [None, "web-3", {"attach": {}}])):
            caller = Caller(2)
            answer = getattr(composition_client.Nodes(caller), name)(None, *arguments)
            self.assertEqual(({"node": {}}, [name] * 3), (answer, caller.calls))

    def test_it_ends_after_a_while(self):
        caller = Caller(10**6)
        nodes = composition_client.Nodes(caller)
        self.assertRaises(composition_errors.QuotaBusy, nodes.create, None, {})
        self.assertGreater(len(caller.calls), 2)
