# SPDX-License-Identifier: Apache-2.0
"""Collections: pages, names, changes, and what nodes can do."""

import json

from tests import base
from tests.unit.client import server
from valence.client import errors

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


def row(number, **values):
    return {"uuid": f"00000000-0000-4000-8000-{number:012}", "name": f"row-{number}", "revision": 1} | values


class ListTest(base.TestCase):
    def test_pages_are_followed_at_the_place_of_the_client(self):
        first = server.page("pod_managers", row(1), row(2), following="marker=x&name=")
        api = server.Server(first, server.page("pod_managers", row(3)))
        self.assertEqual(["row-1", "row-2", "row-3"], [each.name for each in api.client().pod_managers()])
        self.assertEqual(["GET /v1/pod_managers", "GET /v1/pod_managers?marker=x&name="], api.paths())
        self.assertEqual({"valence.test:8181"}, {each.url.split("/")[2] for each in api.requests})

    def test_nothing_is_read_before_it_is_wanted(self):
        api = server.Server(server.page("systems", row(1), following="marker=x"))
        self.assertEqual("row-1", next(api.client().systems()).name)
        self.assertEqual(1, len(api.requests))

    def test_a_limit_is_of_all_pages(self):
        rows = [row(number) for number in range(3)]
        api = server.Server(server.page("racks", *rows, following="marker=x"), server.page("racks", *rows))
        found = list(api.client().racks(limit=4))
        self.assertEqual(["row-0", "row-1", "row-2", "row-0"], [each.name for each in found])
        self.assertEqual("GET /v1/racks?limit=4", api.paths()[0])

    def test_a_limit_that_is_no_number_of_rows(self):
        for wrong in (0, -1, True, 1.5, float("nan"), "3"):
            api = server.Server()
            error = self.assertRaises(ValueError, next, api.client().racks(limit=wrong))
            self.assertIn(repr(wrong), str(error))
            self.assertEqual([], api.requests)

    def test_a_limit_that_a_page_meets_reads_no_other(self):
        api = server.Server(server.page("racks", row(1), row(2), following="marker=x"))
        self.assertEqual(2, len(list(api.client().racks(limit=2))))

    def test_values_of_a_query(self):
        api = server.Server(server.page("devices"))
        asked = {"detail": True, "state": ["free", "dirty"], "size": "gte:8", "model": None}
        self.assertEqual([], list(api.client().devices(**asked)))
        self.assertEqual(["GET /v1/devices?detail=true&state=in%3Afree%2Cdirty&size=gte%3A8"], api.paths())

    def test_a_field_may_be_filtered_by_several_times(self):
        api = server.Server(server.page("devices"))
        self.assertEqual([], list(api.client().devices(filters=[("size", "gte:8"), ("size", "lt:64")])))
        self.assertEqual(["GET /v1/devices?size=gte%3A8&size=lt%3A64"], api.paths())


class FindTest(base.TestCase):
    def test_a_name(self):
        api = server.Server(server.page("flavors", row(1)), (200, row(1), {"ETag": '"1"'}))
        found = api.client().flavors.find("row-1")
        self.assertEqual(("row-1", '"1"'), (found.name, found.etag))
        self.assertEqual("GET /v1/flavors?name=eq%3Arow-1&limit=5", api.paths()[0])

    def test_a_uuid_needs_one_request(self):
        api = server.Server(row(1))
        api.client().flavors.find(UUID)
        self.assertEqual([f"GET /v1/flavors/{UUID}"], api.paths())

    def test_no_such_name(self):
        api = server.Server(server.page("pod_managers"))
        error = self.assertRaises(errors.NotFound, api.client().pod_managers.find, "x")
        self.assertEqual("There is no pod manager x.", error.detail)

    def test_a_name_is_no_operator(self):
        api = server.Server(server.page("flavors"))
        self.assertRaises(errors.NotFound, api.client().flavors.find, "neq:x")
        self.assertEqual(["GET /v1/flavors?name=eq%3Aneq%3Ax&limit=5"], api.paths())

    def test_an_empty_name(self):
        api = server.Server().client()
        for request in (api.nodes.find, api.flavors.get, api.flavors.delete):
            self.assertRaises(errors.BadRequest, request, "")

    def test_names_that_a_path_would_drop(self):
        api = server.Server()
        client = api.client()
        for name in (".", ".."):
            for request in (
                client.flavors.get,
                client.flavors.delete,
                client.operations.cancel,
                client.introspections.abort,
                client.introspections.get,
            ):
                error = self.assertRaises(errors.BadRequest, request, name)
                self.assertIn(f"The name {name} ", error.detail)
            for values in ({"name": name}, {"name": "a", "project": name}):
                self.assertRaises(errors.BadRequest, client.jobs.get, **{"project": "p"} | values)
        self.assertEqual([], api.requests)

    def test_a_node_with_a_slash_in_its_name(self):
        page = server.page("nodes", row(1, name="a/b"))
        api = server.Server(page, row(1), page, {"uuid": "7"}, page, {"devices": []})
        client = api.client()
        self.assertEqual(row(1)["uuid"], client.nodes.find("a/b").id)
        client.nodes.act("a/b", power="on")
        self.assertEqual([], list(client.nodes.devices("a/b")))
        at = f"/v1/nodes/{row(1)['uuid']}"
        listed = "GET /v1/nodes?name=eq%3Aa%2Fb&limit=5"
        expected = [listed, f"GET {at}", listed, f"POST {at}/action", listed, f"GET {at}/devices"]
        self.assertEqual(expected, api.paths())

    def test_a_page_of_something_else(self):
        for answer in ({"flavours": []}, {"flavors": 7}):
            error = self.assertRaises(errors.RackError, list, server.Server(answer).client().flavors())
            self.assertEqual(errors.ELSEWHERE, error.hint)

    def test_a_name_of_several(self):
        api = server.Server(server.page("systems", row(1), row(2)))
        error = self.assertRaises(errors.Ambiguous, api.client().systems.find, "x")
        self.assertIn(row(1)["uuid"], error.detail)
        self.assertIn(row(2)["uuid"], error.detail)

    def test_what_has_no_names_is_found_by_its_key(self):
        api = server.Server({"hostname": "a/b"}, row(1))
        client = api.client()
        self.assertEqual("a/b", client.conductors.find("a/b").id)
        client.operations.find("x")
        self.assertEqual(["GET /v1/conductors/a%2Fb", "GET /v1/operations/x"], api.paths())

    def test_the_api_resolves_names_of_nodes(self):
        api = server.Server(row(1))
        api.client().nodes.find("web 3")
        self.assertEqual(["GET /v1/nodes/web%203"], api.paths())


class ChangeTest(base.TestCase):
    def test_a_post_has_a_key_of_its_own(self):
        api = server.Server(row(1), row(2))
        client = api.client()
        client.flavors.create(name="a")
        client.flavors.create(name="a")
        keys = [each.headers["Idempotency-Key"] for each in api.requests]
        self.assertEqual(2, len(set(keys)))
        self.assertEqual({"name": "a"}, json.loads(api.requests[0].body))

    def test_a_row_is_changed_only_as_it_was_read(self):
        api = server.Server((200, row(1), {"ETag": '"1.x"'}), row(1), row(1))
        client = api.client()
        client.flavors.update(client.flavors.get(UUID), description="x")
        client.flavors.update(UUID, description="x")
        self.assertEqual('"1.x"', api.requests[1].headers["If-Match"])
        self.assertNotIn("If-Match", api.requests[2].headers)

    def test_a_row_is_changed_only_with_the_given_revision(self):
        for given, sent in (
            ("1", '"1"'),
            ('"1.x"', '"1.x"'),
            ('W/"1.x"', '"1.x"'),
            (" 1 ", '"1"'),
            ("*", "*"),
        ):
            api = server.Server(row(1))
            api.client().flavors.update(UUID, if_match=given, description="x")
            self.assertEqual(sent, api.requests[0].headers["If-Match"])
            self.assertEqual({"description": "x"}, json.loads(api.requests[0].body))

    def test_a_row_of_a_list_is_read_first(self):
        api = server.Server(
            server.page("flavors", row(1)), (200, row(1), {"ETag": '"1.x"'}), row(1, revision=2)
        )
        client = api.client()
        client.flavors.update(next(client.flavors()), description="x")
        self.assertEqual('"1.x"', api.requests[2].headers["If-Match"])

    def test_a_row_of_a_list_was_changed_since(self):
        api = server.Server(server.page("flavors", row(1)), (200, row(1, revision=2), {"ETag": '"2.x"'}))
        client = api.client()
        self.assertRaises(errors.Changed, client.flavors.update, next(client.flavors()), description="x")

    def test_a_row_of_a_list_without_revisions(self):
        api = server.Server(server.page("flavors", {"uuid": UUID, "name": "a"}))
        client = api.client()
        found = next(client.flavors(fields="uuid,name"))
        error = self.assertRaises(errors.RackError, client.flavors.update, found, description="x")
        self.assertEqual("List the field revision, too.", error.hint)

    def test_an_etag_that_a_proxy_made_weak(self):
        api = server.Server((200, row(1), {"ETag": 'W/"1.x"'}), row(1))
        client = api.client()
        client.flavors.update(client.flavors.get(UUID), description="x")
        self.assertEqual('"1.x"', api.requests[1].headers["If-Match"])

    def test_a_deletion_is_done_or_an_operation(self):
        api = server.Server((204, None, {}), (202, {"uuid": "7", "state": "pending"}, {}))
        client = api.client()
        self.assertIsNone(client.flavors.delete(UUID))
        self.assertEqual("7", client.nodes.delete(UUID, force=True).id)
        self.assertEqual([f"DELETE /v1/flavors/{UUID}", f"DELETE /v1/nodes/{UUID}?force=true"], api.paths())


class NodeTest(base.TestCase):
    def test_requests(self):
        api = server.Server(
            {"fits": True}, row(1), row(1), {"uuid": "7"}, {"devices": [{"id": "d/1", "state": "attached"}]}
        )
        client = api.client()
        self.assertEqual({"fits": True}, client.nodes.explain(name="a"))
        client.nodes.manage(client.nodes.manage(UUID, name="b"))
        self.assertEqual("7", client.nodes.act("b", boot={"target": "pxe"}).id)
        self.assertEqual(["attached"], [each.state for each in client.nodes.devices("b")])
        expected = ["POST /v1/nodes?dry_run=true", *["POST /v1/nodes/manage"] * 2, "POST /v1/nodes/b/action"]
        self.assertEqual([*expected, "GET /v1/nodes/b/devices"], api.paths())
        self.assertEqual({"resource_id": UUID, "name": "b"}, json.loads(api.requests[1].body))
        self.assertEqual({"resource_id": row(1)["uuid"]}, json.loads(api.requests[2].body))
        self.assertEqual({"boot": {"target": "pxe"}}, json.loads(api.requests[3].body))
