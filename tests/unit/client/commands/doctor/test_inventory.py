# SPDX-License-Identifier: Apache-2.0
"""The doctor finds each fault of what a site has, and nothing else; nothing at a healthy site."""

import uuid

from tests import base
from valence.client.commands.doctor import inventory
from valence.client.commands.doctor import report as reports
from valence.common import errors
from valence.db import models
from valence.db import types

NOW = 1_800_000_000.5
POD, NODE, DEVICE, OPERATION = (str(uuid.UUID(int=number)) for number in (1, 2, 3, 4))
MINUTE, HOUR = 60, 3600


def ago(seconds):
    """Return the DateTime value of a moment in the past."""
    return types.moment(NOW - seconds)


class Site:
    """A healthy site, which faults change before it is checked."""

    def __init__(self):
        self.conductors = [self.conductor()]
        self.pod_manager = models.PodManager(
            uuid=POD,
            name="row-7",
            url="https://10.0.0.7/redfish/v1",
            status="online",
            next_sync_at=ago(-MINUTE),
        )
        self.operations, self.nodes, self.claims = [], [], []

    def conductor(self, **values):
        """Return a conductor."""
        known = {"hostname": "conductor-1", "version": "2.0", "heartbeat_at": ago(1)}
        return models.Conductor(conductor_groups=["default"], **(known | values))

    def found(self):
        """Return the findings."""
        report = reports.Report()
        site = inventory.Site(now=NOW, version="2.0", pod_managers=[self.pod_manager.public()])
        for name in ("conductors", "operations", "nodes", "claims"):
            setattr(site, name, [row.public() for row in getattr(self, name)])
        inventory.examine(report, site)
        return report.findings


def conductor(**values):
    """Return what changes the only conductor."""
    return lambda site: site.conductors.__setitem__(0, site.conductor(**values))


def another(**values):
    """Return what adds a conductor."""
    return lambda site: site.conductors.append(site.conductor(hostname="conductor-2", **values))


def pod_manager(**values):
    """Return what changes the pod manager."""

    def seed(site):
        site.pod_manager = site.pod_manager.replace(**values)

    return seed


def operation(state, **values):
    """Return what adds an operation."""
    known = {"uuid": OPERATION, "operation_kind": "sync", "target_id": POD, "state": state}
    return lambda site: site.operations.append(models.Operation(**known, **values))


def node(state, **values):
    """Return what adds a node."""
    return lambda site: site.nodes.append(models.Node(uuid=NODE, name="web-3", state=state, **values))


def claim(state):
    """Return what adds a claim."""
    row = models.Claim(id=f"{DEVICE}/1", node_id=NODE, device_id=DEVICE, podm_id=POD, state=state)
    return lambda site: site.claims.append(row)


REFUSED = str(errors.PodManagerAuthFailed(url="https://10.0.0.7", reason="401"))
FAULTS = (
    ("conductors.none", lambda site: site.conductors.clear()),
    ("conductors.none", conductor(alive=False)),
    ("conductors.silent", conductor(heartbeat_at=ago(5 * MINUTE))),
    ("conductors.clock", conductor(heartbeat_at=ago(-5 * MINUTE))),
    ("conductors.version", conductor(version="1.0")),
    ("conductors.version", another(version="1.0")),
    ("conductors.gone", another(alive=False)),
    ("pod_managers.unserved", pod_manager(conductor_group="row-8")),
    ("pod_managers.credentials", pod_manager(status="offline", last_error=REFUSED)),
    ("pod_managers.offline", pod_manager(status="offline", last_error="Connection refused.")),
    ("pod_managers.error", pod_manager(last_error="It answered 500.")),
    ("pod_managers.tls", pod_manager(verify_ca="false")),
    ("pod_managers.plain", pod_manager(url="http://10.0.0.7/redfish/v1")),
    ("pod_managers.overdue", pod_manager(next_sync_at=ago(HOUR))),
    ("pod_managers.deletion", pod_manager(status="deleted", updated_at=ago(2 * HOUR))),
    ("pod_managers.maintenance", pod_manager(maintenance=True)),
    ("operations.pending", operation("pending", created_at=ago(HOUR))),
    ("operations.running", operation("running", conductor="conductor-1", started_at=ago(2 * HOUR))),
    ("operations.abandoned", operation("running", conductor="conductor-9", started_at=ago(5 * MINUTE))),
    ("nodes.error", node("error", error="The block is gone.")),
    ("nodes.hangs", node("composing", updated_at=ago(2 * HOUR))),
    ("claims.failed", claim("failed")),
    ("claims.hangs", claim("attaching")),
)
#: what is no fault
HEALTHY = (
    another(),
    conductor(heartbeat_at=ago(30)),
    pod_manager(url="http://127.0.0.1:8000/redfish/v1"),
    pod_manager(url="http://[::1]:8000/redfish/v1"),
    pod_manager(url="https://localhost/redfish/v1", verify_ca="false"),
    pod_manager(verify_ca="/etc/ssl/row-7.pem"),
    pod_manager(next_sync_at=ago(5 * MINUTE)),
    pod_manager(status="unknown", next_sync_at=None),
    pod_manager(status="deleted", updated_at=ago(MINUTE)),
    operation("pending", created_at=ago(MINUTE)),
    operation("running", conductor="conductor-1", started_at=ago(10 * MINUTE)),
    operation("running", conductor="conductor-9", started_at=ago(20)),
    node("composing", updated_at=ago(MINUTE)),
    claim("attached"),
    lambda site: (claim("attaching")(site), operation("running")(site), aim(site)),
)


def aim(site):
    """Let the operation work on the node of the claim."""
    site.operations[0] = site.operations[0].replace(
        target_id=NODE, conductor="conductor-1", started_at=ago(1)
    )


class InventoryTest(base.TestCase):
    def test_each_fault_is_found_and_nothing_else(self):
        self.assertEqual([], Site().found())
        for number, (check, seed) in enumerate(FAULTS):
            site = Site()
            seed(site)
            found = site.found()
            self.assertEqual([check], [each.check for each in found], f"{number} {found}")
            self.assertNotIn("{", found[0].command)

    def test_what_is_no_fault(self):
        for seed in HEALTHY:
            site = Site()
            seed(site)
            self.assertEqual([], site.found())

    def test_commands_name_what_is_wrong_safely(self):
        site = Site()
        pod_manager(name="row 7; reboot", status="offline")(site)
        (finding,) = site.found()
        self.assertEqual("valence pod manager sync 'row 7; reboot' --wait", finding.command)
