# SPDX-License-Identifier: Apache-2.0
"""Rules over the API, and what they do to a machine's document."""

from tests.unit.api.introspection import case

UUID = "b0ea6361-03cd-467c-859c-7230547dcb9a"
RULE = {
    "description": "Large machines",
    "conditions": [{"op": "ge", "field": "cpus", "value": 2}],
    "actions": [{"action": "set-attribute", "path": "/properties/cpus", "value": "{data[cpus]}"}],
}


class IntrospectionRulesTest(case.IntrospectionCase):
    def create(self, **values):
        return self.call("POST", "/v1/rules", json=RULE | values)

    def identifiers(self):
        return [rule["uuid"] for rule in self.call("GET", "/v1/rules").json["rules"]]

    def test_a_rule(self):
        response = self.create(uuid=UUID.upper())
        self.assertEqual(201, response.status_code)
        condition = RULE["conditions"][0] | {"multiple": "any", "invert": False}
        rule = response.json
        links = rule.pop("links")
        self.assertTrue(links[0]["href"].endswith(f"/introspection/v1/rules/{UUID}"))
        self.assertEqual(RULE | {"conditions": [condition], "uuid": UUID, "scope": None}, rule)
        shown = self.call("GET", f"/v1/rules/{UUID}").json
        self.assertEqual(links, shown.pop("links"))
        self.assertEqual(rule, shown)
        (listed,) = self.call("GET", "/v1/rules").json["rules"]
        self.assertEqual({"uuid", "description", "scope", "links"}, set(listed))

    def test_old_clients_expect_another_status(self):
        for version, status in (("1.5", 200), ("1.6", 201), ("latest", 201)):
            headers = {"X-OpenStack-Ironic-Inspector-API-Version": version}
            response = self.call("POST", "/v1/rules", json=RULE | {"uuid": None}, headers=headers)
            self.assertEqual(status, response.status_code)

    def test_a_rule_can_be_posted_to_its_own_url(self):
        self.assertEqual(UUID, self.call("POST", f"/v1/rules/{UUID}", json=RULE).json["uuid"])
        self.assert_refused(400, self.call("POST", "/v1/rules/x", json=RULE))

    def test_removal(self):
        for _ in range(3):
            self.create()
        first, *others = self.identifiers()
        self.assertEqual(204, self.call("DELETE", f"/v1/rules/{first}").status_code)
        self.assertEqual(others, self.identifiers())
        self.assertEqual(204, self.call("DELETE", "/v1/rules").status_code)
        self.assertEqual([], self.identifiers())

    def test_what_is_refused(self):
        self.create(uuid=UUID)
        self.assert_refused(409, self.create(uuid=UUID), UUID)
        for values in ({"uuid": "x"}, {"uuid": 5}, {"actions": []}, {"conditions": [{"op": "nope"}]}):
            self.assert_refused(400, self.create(**values))
        for data in (b"", b"[]", b"{", b"5"):
            self.assert_refused(400, self.call("POST", "/v1/rules", data=data))
        self.assert_refused(413, self.create(description="x" * 70_000))
        for method in ("GET", "DELETE"):
            for name in ("x", UUID.replace("b", "c")):
                self.assert_refused(404, self.call(method, f"/v1/rules/{name}"), name)

    def test_a_rule_completes_the_document(self):
        self.create()
        self.introspect()
        data = self.one("GET", "/data").json
        self.assertEqual({"properties": {"cpus": str(data["cpus"])}}, data["node"])
        self.assertNotIn("node", self.one("GET", "/data/unprocessed").json)

    def test_a_rule_fails_an_introspection(self):
        self.create(
            conditions=[], actions=[{"action": "fail", "message": "not bought from us"}], scope="row-7"
        )
        self.start()
        self.assert_refused(
            400, self.call("POST", "/v1/continue", json=self.document()), "not bought from us"
        )
        self.assertEqual("not bought from us", self.status()["error"])
        self.call("DELETE", "/v1/rules")
        self.assertEqual(202, self.one("POST", "/data/unprocessed").status_code)
        self.assertEqual("finished", self.status()["state"])
