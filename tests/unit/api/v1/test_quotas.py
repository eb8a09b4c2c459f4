# SPDX-License-Identifier: Apache-2.0
"""Quotas over HTTP: limits are set, shown with what is used, and reported with a refusal."""

import fixtures

from tests import devices
from tests.unit.api import case
from valence.api.http import auth
from valence.common import context
from valence.common import errors
from valence.composition import quotas
from valence.db import models
from valence.db import store

UNLIMITED = dict.fromkeys(models.quota.RESOURCES, -1)


class QuotasCase(case.APITestCase):
    def setUp(self):
        super().setUp()
        quotas.configure(self.conf)
        self.addCleanup(quotas._options.clear)

    def put(self, project_id, **limits):
        return self.send("PUT", f"/v1/quotas/{project_id}", {"limits": limits})

    def show(self, project_id):
        return self.get(f"/v1/quotas/{project_id}").json


class QuotasTest(QuotasCase):
    def test_each_project_has_a_quota(self):
        shown = self.show("demo")
        self.assertEqual(
            ("demo", {}, UNLIMITED), (shown["project_id"], shown["limits"], shown["effective_limits"])
        )
        self.assertEqual(dict.fromkeys(UNLIMITED, 0), shown["used"])
        self.assertTrue(shown["links"][0]["href"].endswith("/v1/quotas/demo"))
        self.assertEqual([], self.get("/v1/quotas").json["quotas"])
        self.assert_error(self.get(f"/v1/quotas/{'x' * 65}"), 404, "valence.not_found")

    def test_limits_that_are_named_are_changed(self):
        self.conf.set_override("cores", 64, "quota")
        response = self.put("demo", nodes=10, cores=-1)
        self.assertEqual((200, {"nodes": 10, "cores": -1}), (response.status_code, response.json["limits"]))
        changed = self.patch("/v1/quotas/demo", {"limits": {"cores": None, "accelerators": 0}}).json
        self.assertEqual({"nodes": 10, "accelerators": 0}, changed["limits"])
        self.assertEqual(
            UNLIMITED | {"nodes": 10, "cores": 64, "accelerators": 0}, changed["effective_limits"]
        )
        self.assertEqual(changed, self.show("demo"))

    def test_a_change_that_expects_another_quota_is_refused(self):
        tag = self.get("/v1/quotas/demo").headers["ETag"]
        body = {"limits": {"nodes": 10}}
        for method in ("PUT", "PATCH"):
            self.assertEqual(
                200, self.send(method, "/v1/quotas/demo", {"limits": {}}, If_Match=tag).status_code
            )
        self.assertEqual(
            200, self.send("PUT", "/v1/quotas/demo", body, If_Match=f'"other", {tag}').status_code
        )
        for old in (tag, f"W/{tag}", '"1.abc"'):
            response = self.send("PUT", "/v1/quotas/demo", {"limits": {"nodes": 1}}, If_Match=old)
            self.assert_error(response, 412, "valence.revision_mismatch")
        self.assertEqual(200, self.send("PUT", "/v1/quotas/demo", {"limits": {}}, If_Match="*").status_code)
        self.assertEqual({"nodes": 10}, self.show("demo")["limits"])

    def test_limits_that_changed_after_the_comparison_are_not_overwritten(self):
        self.put("demo", nodes=10)
        quotas, mine = self.backend.conductor.quotas, context.service_context()
        self.assertRaises(errors.RevisionMismatch, quotas.update, mine, "demo", {"nodes": 1}, expected={})
        self.assertEqual({"nodes": 10}, self.show("demo")["limits"])

    def test_limits_are_stored_as_whole_numbers(self):
        limits = self.put("demo", nodes=1000.0, cores=0.0).json["limits"]
        self.assertEqual({"nodes": 1000, "cores": 0}, limits)
        self.assertEqual({int}, set(map(type, limits.values())))

    def test_what_cannot_be_a_project_gets_no_quota(self):
        for name in ("%20", "%20a", "a%0d%0ab", "%1b", "%ff", "%e2%80%ae", "x" * 65, "x" * 255):
            (problem,) = self.assert_error(self.send("PUT", f"/v1/quotas/{name}", {"limits": {}}), 400)
            self.assertEqual("project_id", problem["path"])
            self.assert_error(self.get(f"/v1/quotas/{name}"), 404)
        for name in ("-", "caf%c3%a9", "0af.b:c", "two%20words"):
            self.assertEqual(200, self.send("PUT", f"/v1/quotas/{name}", {"limits": {}}).status_code, name)

    def test_what_is_no_limit_is_refused_with_its_place(self):
        body = {"limits": {"nodes": -2, "cores": "many", "gpus": 1}, "used": {}}
        found = self.assert_error(self.send("PUT", "/v1/quotas/demo", body), 400)
        self.assertEqual(
            {"$.limits.nodes", "$.limits.cores", "$.limits.gpus", "$.used"}, {each["path"] for each in found}
        )
        self.assert_error(self.send("PUT", "/v1/quotas/demo", []), 400, "valence.validation")

    def test_a_list_has_the_projects_with_limits_page_by_page(self):
        for name in ("b", "a", "c"):
            self.put(name, nodes=1)
        page = self.get("/v1/quotas?limit=2&fields=project_id,limits").json
        self.assertEqual([{"project_id": name, "limits": {"nodes": 1}} for name in "ab"], page["quotas"])
        rest = self.get("/v1/quotas?limit=2&marker=b").json
        self.assertEqual(["c"], [each["project_id"] for each in rest["quotas"]])
        self.assertEqual(
            ["c"], [each["project_id"] for each in self.get("/v1/quotas?project_id=c").json["quotas"]]
        )

    def test_a_change_is_an_event_of_the_project_and_none_is_none(self):
        self.put("demo", nodes=10)
        self.put("demo", nodes=10)
        self.put("demo", nodes=None)
        rows = self.backend.store.list(models.Event, sort=[store.Sort("sequence")])
        self.assertEqual(["valence.quota.update"] * 2, [row.event_type for row in rows])
        self.assertEqual([({}, {"nodes": 10}), ({"nodes": 10}, {})],
                         [(row.old["limits"], row.new["limits"]) for row in rows])  # fmt: skip
        self.assertEqual({("quota", "demo", "demo")},
                         {(row.object_kind, row.object_id, row.project_id) for row in rows})  # fmt: skip

    def test_a_refusal_has_the_numbers(self):
        pool = devices.Pool(self.backend.store)
        podm = pool.pod_manager()
        pool.add(podm, pool.zoning(podm, "zone"), "Compute", 2)
        node = {"name": "web", "properties": {"processor": {"total_cores": 1}}, "project_id": "demo"}
        self.put("demo", nodes=1, cores=16)
        self.assertEqual(202, self.post("/v1/nodes", node).status_code)
        found = self.assert_error(self.post("/v1/nodes", node), 403, *["valence.quota_exceeded"] * 2)
        names = ("resource", "limit", "used", "asked")
        numbers = [("nodes", 1, 1, 1), ("cores", 16, 16, 16)]
        self.assertEqual(numbers, [tuple(each[name] for name in names) for each in found])
        self.assertIn("demo may have 16 cores and has 16; the request asks for 16 more.", found[1]["detail"])
        explained = self.post("/v1/nodes?dry_run=true", node).json
        self.assertEqual(numbers, [tuple(each[name] for name in names) for each in explained["quota"]])
        self.assertEqual((False, True), (explained["fits"], bool(explained["chosen"])))
        self.assertIn("may have 1 node and has 1", explained["summary"])
        counted = self.get("/v1/nodes/web/devices").json["devices"][0]["counted"]
        self.assertEqual({"cores": 16, "memory_mib": 65536, "storage_gib": 0, "accelerators": 0}, counted)

    def test_what_fits_nowhere_is_explained_with_the_limit_too(self):
        self.put("demo", nodes=0)
        node = {"name": "web", "properties": {"accelerator": {"model": "H100"}}, "project_id": "demo"}
        explained = self.post("/v1/nodes?dry_run=true", node).json
        self.assertEqual(["nodes"], [each["resource"] for each in explained["quota"]])
        for sentence in ("There are no accelerators.", "may have 0 nodes and has 0"):
            self.assertIn(sentence, explained["summary"])
        self.assertNotIn("quota", self.post("/v1/nodes?dry_run=true", node | {"project_id": "other"}).json)

    def test_a_quota_without_limits_is_not_listed(self):
        self.put("demo", nodes=1, cores=2)
        self.put("demo", nodes=None)
        self.assertEqual(["demo"], [each["project_id"] for each in self.get("/v1/quotas").json["quotas"]])
        self.assertEqual({}, self.put("demo", cores=None).json["limits"])
        self.assertEqual([], self.get("/v1/quotas").json["quotas"])
        self.assertEqual(UNLIMITED, self.show("demo")["effective_limits"])
        # a request under limits of the site has stored it
        self.backend.store.commit(store.Create(models.Quota(project_id="site")))
        self.put("site", nodes=None)
        self.assertEqual([], self.get("/v1/quotas").json["quotas"])
        self.assertEqual({"nodes": 3}, self.put("demo", nodes=3).json["limits"])
        types = [row.event_type for row in self.backend.store.list(models.Event)]
        self.assertEqual(4, types.count("valence.quota.update"), types)

    def test_a_page_is_summed_with_as_many_queries_as_one_quota(self):
        for name in "abc":
            self.put(name, nodes=1)
        read, queries = self.backend.store.list, []

        def counting(model, **query):
            queries.append(model)
            return read(model, **query)

        self.backend.store.list = counting
        self.addCleanup(delattr, self.backend.store, "list")
        page = self.get("/v1/quotas").json["quotas"]
        self.assertEqual([0, 0, 0], [each["used"]["nodes"] for each in page])
        self.assertEqual([models.Node], [model for model in queries if model is not models.Quota])


class TenancyTest(QuotasCase):
    def sign_in(self, project, *roles):
        """Let further requests come from a project."""

        def signed_in(_self, http):
            return context.RequestContext(
                request_id=auth.request_id(http), user_id="u1", project_id=project, roles=list(roles)
            )

        self.useFixture(fixtures.MonkeyPatch("valence.api.http.auth.Noauth.context", signed_in))

    def test_a_reader_sees_the_quota_of_its_project_alone(self):
        self.put("blue", nodes=1)
        self.sign_in("red", "reader")
        self.assertEqual(["red"], [each["project_id"] for each in self.get("/v1/quotas").json["quotas"]])
        self.assertEqual([], self.get("/v1/quotas?project_id=blue").json["quotas"])
        self.assertEqual("red", self.show("red")["project_id"])
        self.assert_error(self.get("/v1/quotas/blue"), 404, "valence.not_found")
        self.assert_error(self.put("red", nodes=9), 403, "valence.forbidden")
        self.sign_in("blue", "reader")
        self.assertEqual([{"nodes": 1}], [each["limits"] for each in self.get("/v1/quotas").json["quotas"]])
