# SPDX-License-Identifier: Apache-2.0
"""Bad bodies and queries about nodes: each is the client's fault, and all its problems are reported together.

A table of each route: what is sent, and how many problems are reported.
"""

from tests.functional import bytes_case
from valence.db import models
from valence.db import store

JSON = b"Content-Type: application/json"
KEY = b'"resource_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"'
PXE = b'"target": "pxe"'
LONG = b'"' + b"x" * 300 + b'"'

#: bodies that no route takes
ANY = {
    b"": 1,
    b" ": 1,
    b"{": 1,
    b"}": 1,
    b"nonsense": 1,
    b"null": 1,
    b"true": 1,
    b"7": 1,
    b'"text"': 1,
    b"[]": 1,
    b"[{}]": 1,
    b"{} {}": 1,
    b"{,}": 1,
    b"\xff\xfe{\x00}\x00": 1,
    b"\xef\xbb\xbf{}": 1,
    b"[" * 40 + b"]" * 40: 1,
    b'{"a": ' * 5000 + b"1" + b"}" * 5000: 1,
    b'{"a": ' + b"9" * 10_000 + b"}": None,
    b'{"x": 1, "x": 2}': None,
    b'{"\\ud800": 1}': None,
    b'{"name": "\\udc00"}': None,
    b'{"__proto__": {}, "constructor": {}}': None,
    b"{" + b",".join(b'"f%d": 1' % number for number in range(3000)) + b"}": 50,
    b'{"name": "' + b"x" * (1024 * 1024) + b'"}': 1,
}

#: bodies of POST /v1/nodes
CREATE = {
    b"{}": 1,
    b'{"name": ""}': 1,
    b'{"name": 7}': 1,
    b'{"name": null}': 1,
    b'{"name": ' + LONG + b"}": 1,
    b'{"flavor_id": "x"}': None,
    b'{"name": "n", "flavor_id": "no-such-flavor"}': 1,
    b'{"name": "n", "flavor_id": 7}': None,
    b'{"name": "n", "flavor_id": ""}': None,
    b'{"name": "n", "flavor_id": "x", "properties": {}}': 1,
    b'{"name": "n", "flavor_id": "x", "resources": []}': None,
    b'{"name": "n", "resources": "x"}': None,
    b'{"name": "n", "resources": []}': None,
    b'{"name": "n", "resources": [7]}': None,
    b'{"name": "n", "resources": ["x"]}': None,
    b'{"name": "n", "resources": [{}]}': None,
    b'{"name": "n", "resources": ["5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"]}': None,
    b'{"name": "n", "properties": 7}': None,
    b'{"name": "n", "properties": []}': None,
    b'{"name": "n", "properties": {"colour": "red"}}': None,
    b'{"name": "n", "properties": {"processor": 7}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": 0}}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": -1}}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": "many"}}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": 1.5}}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": 1e400}}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": NaN}}}': None,
    b'{"name": "n", "properties": {"processor": {"total_cores": true}}}': None,
    b'{"name": "n", "properties": {"processor": {"model": 7}}}': None,
    b'{"name": "n", "properties": {"processor": {"model": "\\u0000"}}}': None,
    b'{"name": "n", "properties": {"processor": {"model": "\\ud800"}}}': None,
    b'{"name": "n", "properties": {"processor": {"model": ' + LONG + b"}}}": None,
    b'{"name": "n", "properties": {"memory": {"capacity_mib": "3,000"}}}': None,
    b'{"name": "n", "properties": {"memory": {"capacity_mib": ' + b"9" * 400 + b"}}}": None,
    b'{"name": "n", "properties": {"memory": [[]]}}': None,
    b'{"name": "n", "properties": {"storage": [7, "x", null]}}': None,
    b'{"name": "n", "properties": {"storage": [{"count": 1000000}]}}': None,
    b'{"name": "n", "properties": {"storage": [' + b"{}," * 500 + b"{}]}}": None,
    b'{"name": "n", "properties": {"network": {"speed_mbps": {}}}}': None,
    b'{"name": "n", "properties": {"pci_device": {"type": ["Toaster"]}}}': None,
    b'{"name": "n", "properties": {"pci_device": {"type": 7}}}': None,
    b'{"name": "n", "podm_id": "x", "zone_id": "y"}': 2,
    b'{"name": "n", "podm_id": 7}': None,
    b'{"name": "n", "policy": "random"}': 1,
    b'{"name": "n", "policy": []}': None,
    b'{"name": "n", "project_id": 7}': 1,
    b'{"name": "n", "description": 7, "colour": "red"}': 2,
    b'{"name": "n", "state": "composed", "kind": "system", "goal": "present", "handle": {}}': 4,
    b'{"name": "", "podm_id": 7, "policy": "x", "properties": {"memory": 7}, "x": 1}': None,
    b'{"name": "n", "power": ""}': 1,
    b'{"name": "n", "power": "ForceOff"}': 1,
    b'{"name": "n", "power": 7}': 2,
    b'{"name": "n", "power": ["on"]}': 2,
    b'{"name": "n", "power": {"on": true}}': 2,
    b'{"name": "n", "power": "\\ud800"}': 2,
    b'{"name": "n", "power": "on", "power": "off"}': 2,
    b'{"name": "n", "boot": null}': 1,
    b'{"name": "n", "boot": "pxe"}': 1,
    b'{"name": "n", "boot": []}': 1,
    b'{"name": "n", "boot": {}}': 1,
    b'{"name": "n", "boot": {"enabled": "once"}}': 1,
    b'{"name": "n", "boot": {"target": "Pxe"}}': 1,
    b'{"name": "n", "boot": {"target": null}}': 2,
    b'{"name": "n", "boot": {' + PXE + b', "enabled": true, "mode": "bios"}}': 3,
    b'{"name": "n", "boot": {' + PXE + b', "when": "now", "x": {}}}': 2,
    b'{"name": "n", "boot": {"target": "moon"}, "power": "up", "attach": {}, "detach": {}}': 4,
    b'{"name": "", "boot": {"target": "moon"}, "power": "up", "properties": {"memory": 7}}': 4,
}

#: bodies of POST /v1/nodes that no hardware satisfies: a dry run explains that with 200
UNSATISFIED = {
    b'{"name": "n", "properties": {"accelerator": {"type": "Toaster"}}}': None,
    b'{"name": "n", "podm_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"}': None,
    b'{"name": "n", "zone_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"}': None,
}

#: bodies of POST /v1/nodes/manage
MANAGE = {
    b"{}": 1,
    b'{"resource_id": null}': 1,
    b'{"resource_id": ""}': 1,
    b'{"resource_id": 7}': 1,
    b'{"resource_id": true}': 1,
    b'{"resource_id": []}': 1,
    b'{"resource_id": {}}': 1,
    b'{"resource_id": "System3"}': 1,
    b'{"resource_id": "/redfish/v1/Systems/System3"}': 1,
    b'{"resource_id": "5b5c2d6e3c0f4ce69d1c0f6e3a2b7c1"}': 1,
    b'{"resource_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11\\n"}': 2,
    b'{"resource_id": "\\u0000"}': 2,
    b'{"resource_id": ' + LONG + b"}": 2,
    b'{"Resource_Id": "x"}': 2,
    b'{"resource_id": "x", "resource_id": "y"}': 2,
    b'{"podm_id": "x", "node_index": "1"}': 1,
    b'{"podm_id": "x"}': 2,
    b'{"podm_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", "node_index": []}': 1,
    b'{"podm_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", "node_index": ""}': 1,
    b'{"node_index": 1.5}': 2,
    b'{"uuid": "x"}': 2,
    b"{" + KEY + b"}": 1,
    b"{" + KEY + b', "name": ""}': 1,
    b"{" + KEY + b', "name": 7}': 1,
    b"{" + KEY + b', "name": []}': 1,
    b"{" + KEY + b', "name": {}, "description": []}': 2,
    b"{" + KEY + b', "name": ' + LONG + b"}": 1,
    b"{" + KEY + b', "name": "\\u0000"}': 1,
    b"{" + KEY + b', "name": "\\ud800"}': 1,
    b"{" + KEY + b', "description": 7}': 1,
    b"{" + KEY + b', "description": "' + b"x" * 1025 + b'"}': 1,
    b"{" + KEY + b', "project_id": 7}': 1,
    b"{" + KEY + b', "project_id": ' + LONG + b"}": 1,
    b"{" + KEY + b', "project_id": ["blue"]}': 1,
    b"{" + KEY + b', "state": "composed"}': 1,
    b"{" + KEY + b', "kind": "composed", "goal": "absent", "handle": {}}': 3,
    b"{" + KEY + b', "podm_id": "x", "resource_url": "/", "managed_by": "me"}': 4,
    b"{" + KEY + b', "revision": 7}': 1,
    b"{" + KEY + b', "power": "on", "boot": {}}': 2,
    b"{" + KEY + b', "colour": "red", "size": NaN}': 3,
    b'{"name": "", "description": 7, "project_id": 7, "colour": "red"}': 5,
}

#: bodies of POST /v1/nodes/{node}/register
REGISTER = {
    b'{"driver": ""}': 1,
    b'{"driver": 7}': 1,
    b'{"driver_info": []}': 1,
    b'{"driver_info": null}': 1,
    b'{"properties": "cpus"}': 1,
    b'{"extra": 7}': 1,
    b'{"mac": ""}': 1,
    b'{"mac": null}': 1,
    b'{"mac": {}}': 1,
    b'{"mac": ["52:54:00:12:34:56", 7]}': 1,
    b'{"mac": "52:54:00:12:34"}': 1,
    b'{"mac": "52:54:00:12:34:56\\n"}': 1,
    b'{"uuid": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"}': 1,
    b'{"provision_state": "active", "instance_uuid": "x", "maintenance": true}': 3,
    b'{"automated_clean": "yes", "boot_interface": 7, "owner": []}': 3,
}

#: bodies of POST /v1/nodes/{node}/action
ACTION = {
    b"{}": 1,
    b'{"power": null}': 1,
    b'{"boot": null}': 1,
    b'{"power": null, "boot": null}': 1,
    b'{"power": "on", "boot": {"target": "pxe"}}': 1,
    b'{"power": ""}': 1,
    b'{"power": "On"}': 1,
    b'{"power": "off"}': 1,
    b'{"power": "ForceOff"}': 1,
    b'{"power": "force_off "}': 1,
    b'{"power": 1}': 2,
    b'{"power": true}': 2,
    b'{"power": []}': 2,
    b'{"power": ["on"]}': 2,
    b'{"power": {"on": true}}': 2,
    b'{"power": {"target": "pxe"}}': 2,
    b'{"power": "\\u0000"}': 2,
    b'{"power": "\\ud800"}': 2,
    b'{"power": ' + LONG + b"}": 1,
    b'{"power": "on", "power": "off"}': 2,
    b'{"Power": "on"}': 1,
    b'{"reset": "on"}': 1,
    b'{"power": "on", "force": true}': 1,
    b'{"power": "on", "timeout": 7, "when": "now"}': 2,
    b'{"boot": "pxe"}': 1,
    b'{"boot": true}': 1,
    b'{"boot": 7}': 1,
    b'{"boot": []}': 1,
    b'{"boot": ["pxe"]}': 1,
    b'{"boot": {}}': 1,
    b'{"boot": {"enabled": "once"}}': 1,
    b'{"boot": {"target": null}}': 2,
    b'{"boot": {"target": "Pxe"}}': 1,
    b'{"boot": {"target": "network"}}': 1,
    b'{"boot": {"target": ["pxe"]}}': 2,
    b'{"boot": {"target": {"pxe": 1}}}': 2,
    b'{"boot": {"target": 7, "enabled": 7, "mode": 7}}': 6,
    b'{"boot": {"target": "\\u0000"}}': 2,
    b'{"boot": {' + PXE + b', "enabled": "Once"}}': 1,
    b'{"boot": {' + PXE + b', "enabled": true}}': 2,
    b'{"boot": {' + PXE + b', "enabled": null}}': 2,
    b'{"boot": {' + PXE + b', "enabled": []}}': 2,
    b'{"boot": {' + PXE + b', "mode": "bios"}}': 1,
    b'{"boot": {' + PXE + b', "mode": "UEFI"}}': 1,
    b'{"boot": {' + PXE + b', "mode": {}}}': 2,
    b'{"boot": {' + PXE + b', "when": "now"}}': 1,
    b'{"boot": {' + PXE + b', "when": "now", "x": {}}}': 2,
    b'{"boot": {"target": "moon", "enabled": "often", "mode": "x", "y": 1}}': 4,
    b'{"boot": {' + PXE + b', "target": "disk"}}': 1,
    b'{"boot": {' + PXE + b"}, " + b'"colour": "red"}': 1,
    b'{"boot": {"target": "' + b"x" * 5000 + b'"}}': 1,
    b'{"power": "x", "boot": {"target": "x"}, "z": 1}': 3,
    b'{"attach": 7}': 1,
    b'{"attach": []}': 1,
    b'{"attach": {}}': 1,
    b'{"attach": {"resource_id": 7}}': 1,
    b'{"attach": {"resource_id": "7"}}': 1,
    b'{"attach": {"device_id": null}}': 1,
    b'{"attach": {"uuid": ["x"]}}': 1,
    b'{"attach": {"power_off": true}}': 1,
    b'{"attach": {"power_off": 1, "uuid": ""}}': 2,
    b'{"attach": {"processor": {"total_cores": 8}}}': 1,
    b'{"attach": {"gpu": 1, "storage": {"count": 0}}}': 2,
    b'{"attach": {"accelerator": "A100"}}': 1,
    b'{"attach": {"accelerator": {"count": 65}, "memory": {"capacity_mib": "much"}}}': 2,
    b'{"attach": {"storage": [{}, {"media": 7}], "x": 1}, "y": 1}': 3,
    b'{"attach": {"memory": {}}}': 1,
    b'{"detach": {}}': 1,
    b'{"detach": {"storage": {}}}': 1,
    b'{"detach": {"uuid": true, "force": true}}': 2,
    b'{"detach": {"resource_id": "\u0000"}}': 2,
    b'{"detach": null}': 1,
    b'{"boot": ' + b"[" * 40 + b"]" * 40 + b"}": 1,
}

#: bodies of PATCH and PUT /v1/nodes/{node}
UPDATE = {
    b'{"name": ""}': 1,
    b'{"name": null}': 1,
    b'{"name": 7}': 1,
    b'{"name": []}': 1,
    b'{"name": ' + LONG + b"}": 1,
    b'{"name": "\\u0000"}': 1,
    b'{"name": "\\ud800"}': 1,
    b'{"name": "x", "name": "y"}': 1,
    b'{"description": 7}': 1,
    b'{"description": {}}': 1,
    b'{"description": "' + b"x" * 1025 + b'"}': 1,
    b'{"state": "error"}': 1,
    b'{"goal": "absent"}': 1,
    b'{"kind": "system"}': 1,
    b'{"error": "x"}': 1,
    b'{"handle": {}}': 1,
    b'{"project_id": "red"}': 1,
    b'{"podm_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"}': 1,
    b'{"resource_url": "/redfish/v1/Systems/1"}': 1,
    b'{"resource_id": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"}': 1,
    b'{"managed_by": "ironic"}': 1,
    b'{"power_state": "Off", "health": "OK"}': 2,
    b'{"uuid": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"}': 1,
    b'{"revision": 7, "created_at": "now", "updated_at": null}': 3,
    b'{"requirements": {}, "flavor_id": "x"}': 2,
    b'{"name": "", "description": 7, "colour": "red", "size": 7}': 4,
    b'[{"op": "replace", "path": "/name", "value": "x"}]': 1,
}

#: queries of GET /v1/nodes
QUERIES = {
    b"colour=red": 1,
    b"colour=red&size=7&=": 3,
    b"all_projects=perhaps": 1,
    b"all_projects=": 0,
    b"all_projects=true&all_projects=false": 1,
    b"state=running": 1,
    b"state=in:composed,running": 1,
    b"kind=system,composed": 1,
    b"goal=maybe": 1,
    b"handle=x": 1,
    b"requirements=x": 1,
    b"power_state=On": 1,
    b"health=OK": 1,
    b"resource_id=5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11": 1,
    b"device_id=x&system_uuid=": 2,
    b"device_id=in:5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11": 1,
    b"system_uuid=5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11&system_uuid=x": 1,
    b"sort=device_id": 1,
    b"fields=system_uuid": 1,
    b"sort=power_state": 1,
    b"sort=health:asc,handle": 2,
    b"fields=handle": 1,
    b"fields=uuid,colour,": 1,
    b"uuid=7&podm_id=x": 2,
    b"uuid=in:": 1,
    b"name=%00": 1,
    b"name=%ff": 1,
    b"limit=0&marker=7": 2,
    b"limit=1001&all_projects=x&state=x": 3,
    b"sort=name&marker=5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11": 1,
    b"created_at=gt:soon": 1,
    b"detail=perhaps": 1,
    b"&".join(b"a%d=1" % number for number in range(90)): 90,
}

#: request targets below /v1/nodes: method, path, number of problems
TARGETS = (
    (b"GET", b"/v1/nodes/nothing", 1),
    (b"GET", b"/v1/nodes/%00", 1),
    (b"GET", b"/v1/nodes/%ff", 1),
    (b"GET", b"/v1/nodes/..%2f..%2fetc%2fpasswd", 1),
    (b"GET", b"/v1/nodes/" + b"x" * 5000, 1),
    (b"GET", b"/v1/nodes/%27%20OR%201=1%20--", 1),
    (b"GET", b"/v1/nodes/5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", 1),
    (b"GET", b"/v1/nodes/nothing/devices", 1),
    (b"GET", b"/v1/nodes/nothing/devices?colour=red&size=7", 2),
    (b"GET", b"/v1/nodes/nothing/action", 1),
    (b"GET", b"/v1/nodes/nothing?colour=red", 1),
    (b"DELETE", b"/v1/nodes/nothing", 1),
    (b"DELETE", b"/v1/nodes/nothing?force=perhaps", 1),
    (b"DELETE", b"/v1/nodes/nothing?force=true&erase=x&colour=red", 2),
    (b"DELETE", b"/v1/nodes", 1),
    (b"PATCH", b"/v1/nodes", 1),
    (b"PUT", b"/v1/nodes/manage/x", 1),
    (b"POST", b"/v1/nodes?dry_run=perhaps&colour=red", 2),
)


class NodesBadInputTest(bytes_case.RefusalCase):
    def setUp(self):
        super().setUp()
        system, self.free = self.add_resources(self.add_pod_manager(), "System", "System")
        node = self.post("/v1/nodes/manage", {"resource_id": system}).json["uuid"]
        database = self.backend.store
        (operation,) = database.list(models.Operation, filters=[store.Filter("target_id", "eq", node)])
        database.commit(
            store.Update(operation, {"state": "succeeded", "ended_at": database.at()}),
            store.Update(database.get(models.Node, node), {"state": "composed"}),
        )
        self.url = f"/v1/nodes/{node}"
        self.before = self.get(self.url).json

    def assert_bodies_refused(self, method, url, bodies):
        """Check that bodies are refused, each with its number of problems, and that no node changes."""
        requests = [
            (self.bytes_of(method, url.encode(), JSON, body), number) for body, number in bodies.items()
        ]
        self.assert_refused(requests)
        self.assertEqual(
            [self.before["uuid"]], [each["uuid"] for each in self.get("/v1/nodes").json["nodes"]]
        )
        self.assertEqual(self.before, self.get(self.url).json)

    def test_adoptions(self):
        self.assert_bodies_refused(b"POST", "/v1/nodes/manage", ANY | MANAGE)

    def test_compositions(self):
        self.assert_bodies_refused(b"POST", "/v1/nodes", ANY | CREATE | UNSATISFIED)
        self.assert_bodies_refused(b"POST", "/v1/nodes?dry_run=true", ANY | CREATE)

    def test_registrations(self):
        self.assert_bodies_refused(b"POST", f"{self.url}/register", ANY | REGISTER)

    def test_actions(self):
        self.assert_bodies_refused(b"POST", f"{self.url}/action", ANY | ACTION)

    def test_changes(self):
        for method in (b"PATCH", b"PUT"):
            self.assert_bodies_refused(method, self.url, ANY | UPDATE)

    def test_queries(self):
        url = b"/v1/nodes?"
        self.assert_refused((self.bytes_of(b"GET", url + query), number) for query, number in QUERIES.items())

    def test_targets(self):
        self.assert_refused((self.bytes_of(method, target), number) for method, target, number in TARGETS)

    def test_problems_of_a_body_are_told_before_its_node_is_looked_for(self):
        body = b'{"power": "x", "colour": "red"}'
        self.assert_refused([(self.bytes_of(b"POST", b"/v1/nodes/nothing/action", JSON, body), 2)])

    def test_there_are_enough_of_them(self):
        bodies = 4 * len(ANY) + len(CREATE | UNSATISFIED) + len(MANAGE) + len(ACTION) + len(UPDATE)
        self.assertGreater(bodies + len(QUERIES) + len(TARGETS), 200)
