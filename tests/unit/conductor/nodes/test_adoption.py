# SPDX-License-Identifier: Apache-2.0
"""A machine that exists becomes a node."""

from tests.unit.conductor.nodes import case
from valence.common import composition_errors
from valence.common import errors


class AdoptionTest(case.NodesCase):
    def test_a_node_has_the_claim_of_its_machine(self):
        system = self.systems()[0]
        node = self.adopt(system, name="web-3", description="front end")
        self.assertEqual(("composed", "system", "web-3"), (node.state, node.kind, node.name))
        (claim,) = self.claims()
        self.assertEqual((f"{system.uuid}/1", node.uuid, "attached"), (claim.id, claim.node_id, claim.state))
        types = [event.event_type for event in self.database.events() if event.object_kind == "node"]
        self.assertEqual(["valence.node.create", "valence.node.state_changed"], types)

    def test_a_machine_that_is_gone_leaves_a_node_in_error_without_a_claim(self):
        gone = errors.ResourceGone(url="http://127.0.0.1", reason="404")
        self.patch_state(gone)
        node = self.adopt()
        self.assertEqual(("error", gone.detail), (node.state, node.error))
        self.assertEqual([], self.claims())

    def test_it_waits_while_other_requests_use_the_quota_of_the_project(self):
        read, busy = case.driver.RedfishDriver.machine_state, [composition_errors.QuotaBusy()]

        def state(driver, url):
            if busy:
                raise busy.pop()
            return read(driver, url)

        self.useFixture(
            case.fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.machine_state", state)
        )
        self.assertEqual(("composed", []), (self.adopt().state, busy))

    def patch_state(self, error):
        def state(_driver, _url):
            raise error

        self.useFixture(
            case.fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.machine_state", state)
        )
