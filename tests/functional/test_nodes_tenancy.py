# SPDX-License-Identifier: Apache-2.0
"""Two projects with tokens of a Keystone: neither sees anything of the other's nodes, not even that they exist.

A request about another project's node is answered as one about a node that does not exist, at every route.
"""

import json
import re
import uuid

from tests import identity
from tests.unit.api import case
from tests.unit.api.v1.history import test_events
from valence.api import routes
from valence.api.http import app
from valence.api.http import auth
from valence.db import models
from valence.db import store

PEOPLE = (
    identity.User("ann", "blue", ("member", "reader")),
    identity.User("bob", "red", ("member", "reader")),
    identity.User("eve", "red", ("reader",)),
    identity.User("root", "operators", ("admin", "member", "reader")),
    identity.User("valence", "service", ("service",)),
)
#: route with a node, or an operation, in its URL -> a valid body
BODIES = {
    ("GET", "/v1/nodes/{node}"): None,
    ("PUT", "/v1/nodes/{node}"): {"name": "mine"},
    ("PATCH", "/v1/nodes/{node}"): {"name": "mine"},
    ("DELETE", "/v1/nodes/{node}"): None,
    ("POST", "/v1/nodes/{node}/action"): {"power": "force_off"},
    ("GET", "/v1/nodes/{node}/devices"): None,
    ("GET", "/v1/nodes/{node}/storages"): None,
    ("GET", "/v1/nodes/{node}/assets"): None,
    ("GET", "/v1/operations/{uuid}"): None,
    ("POST", "/v1/operations/{uuid}/cancel"): None,
    ("POST", "/v1/operations/{uuid}/retry"): None,
}
OF_A_NODE = re.compile(r"/v1/(nodes/\{node\}|operations/\{uuid\})(/|$)")
#: lists that show something of nodes, with the parameters that could reveal others'
LISTS = (
    "/v1/nodes",
    "/v1/nodes?project_id=blue",
    "/v1/nodes?name={name}",
    "/v1/nodes?uuid={node}",
    "/v1/nodes?state=in:composing,composed,changing&sort=name",
    "/v1/operations",
    "/v1/operations?project_id=blue",
    "/v1/operations?target_id={node}",
    "/v1/operations?uuid={operation}",
    "/v1/events?limit=1000",
    "/v1/events?project_id=blue",
    "/v1/events?object_kind=node",
    "/v1/events?object_id={node}",
    "/v1/events?since=0&uuid={event}",
)
#: lists that begin after a row, which is looked up
MARKERS = {
    "node": "/v1/nodes?sort=name&marker={}",
    "operation": "/v1/operations?marker={}",
    "event": "/v1/events?marker={}",
}


class TenancyCase(case.APITestCase):
    """A node of the project blue that is under way, and what belongs to it."""

    options = {"auth_strategy": "keystone"}
    time_limit = 120

    def setUp(self):
        super().setUp()
        users = self.useFixture(identity.Identity(*PEOPLE))
        users.configure(self.conf, "valence")
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)
        self.tokens = {user.name: users.sign_in(user.name, user.name) for user in PEOPLE}
        pod_manager = self.send("POST", "/v1/pod_managers", case.PODM, **self.by("root")).json
        systems = self.add_resources(pod_manager, "System", "System", power_state="On")
        self.node, self.own = (
            self.adopt(system, project) for system, project in zip(systems, ("blue", "red"), strict=True)
        )
        self.operation = self.ask("ann", "POST", self.url("/action"), {"power": "on"}).json["uuid"]
        theirs = [store.Filter("project_id", "eq", "blue")]
        self.event = self.backend.store.list(models.Event, filters=theirs)[-1].uuid

    def by(self, name):
        """Return the header by which somebody signs in."""
        return {"X_Auth_Token": self.tokens[name]}

    def ask(self, name, method, url, document=None, **headers):
        """Return the response to a request of somebody."""
        return self.send(method, url, document, **self.by(name), **headers)

    def url(self, end=""):
        return f"/v1/nodes/{self.node}{end}"

    def adopt(self, system, project):
        """Return the UUID of a node of a project, whose adoption has ended; its name is that of the project."""
        body = {"resource_id": system, "project_id": project, "name": f"{project}-7"}
        node = self.ask("root", "POST", "/v1/nodes/manage", body).json["uuid"]
        database = self.backend.store
        ended = {"state": "succeeded", "ended_at": database.at()}
        adoptions = database.list(models.Operation, filters=[store.Filter("target_id", "eq", node)])
        row = database.get(models.Node, node)
        database.commit(
            *(store.Update(each, ended) for each in adoptions), store.Update(row, {"state": "composed"})
        )
        return node

    @property
    def secrets(self):
        """What belongs to the project blue alone."""
        return {"blue", self.node, self.operation, self.event}


class TenancyTest(TenancyCase):
    def test_every_route_about_another_projects_node_says_that_there_is_none(self):
        described = {
            (route.method, route.url)
            for route in routes.ROUTES
            if OF_A_NODE.match(route.url) and route.persona != auth.ADMIN
        }
        self.assertEqual(described, BODIES.keys())
        for (method, path), body in BODIES.items():
            theirs, nothing = (
                self.answer(method, path, body, key)
                for key in ((self.node, self.operation), (str(uuid.uuid4()), str(uuid.uuid4())))
            )
            self.assertEqual((404, nothing), (theirs[0], theirs), (method, path))

    def answer(self, method, path, body, keys):
        """Return the status of a request of the project red, and its errors without what the client sent."""
        node, operation = keys
        url = path.replace("{node}", node).replace("{uuid}", operation)
        response = self.ask("bob", method, url, body)
        text = response.text.replace(node, "KEY").replace(operation, "KEY")
        return response.status_code, [each | {"request_id": ""} for each in json.loads(text)["errors"]]

    def test_a_name_finds_the_nodes_of_the_own_project_alone(self):
        self.assertEqual(self.own, self.ask("bob", "GET", "/v1/nodes/red-7").json["uuid"])
        for method, end, body in (
            ("GET", "", None),
            ("GET", "/devices", None),
            ("PATCH", "", {"name": "x"}),
            ("POST", "/action", {"power": "on"}),
            ("DELETE", "", None),
        ):
            response = self.ask("bob", method, f"/v1/nodes/blue-7{end}", body)
            self.assert_error(response, 404, "valence.not_found")

    def test_lists_show_nothing_of_another_project(self):
        names = {"node": self.node, "operation": self.operation, "event": self.event, "name": "blue-7"}
        for url in LISTS:
            response = self.ask("bob", "GET", url.format(**names))
            self.assertEqual(200, response.status_code, response.text)
            rows = json.dumps(response.json[re.match(r"/v1/(\w+)", url)[1]])
            self.assertEqual([], [each for each in self.secrets if each in rows], url)

    def test_lists_show_what_the_own_project_has(self):
        for url in ("/v1/nodes", "/v1/operations?limit=1000", "/v1/events?limit=1000"):
            self.assertIn(self.node, self.ask("ann", "GET", url).text)
            self.assertIn(self.own, self.ask("bob", "GET", url).text)

    def test_a_page_cannot_begin_after_another_projects_row(self):
        for kind, url in MARKERS.items():
            theirs, nothing = getattr(self, kind), str(uuid.uuid4())
            for name, key in (("bob", theirs), ("bob", nothing)):
                response = self.ask(name, "GET", url.format(key))
                self.assert_error(response, 400, "valence.bad_request")
            self.assertEqual(200, self.ask("ann", "GET", url.format(theirs)).status_code)

    def test_events_cannot_begin_after_another_projects_event(self):
        for stream in ("", "&stream=true"):
            for key in (self.event, str(uuid.uuid4())):
                response = self.ask("bob", "GET", f"/v1/events?since={key}{stream}")
                self.assert_error(response, 404, "valence.not_found")
        self.assertEqual(200, self.ask("ann", "GET", f"/v1/events?since={self.event}").status_code)

    def test_a_stream_has_no_event_of_another_project(self):
        stream = self.stream("bob", "/v1/events?stream=true&since=0")
        self.ask("ann", "POST", f"/v1/operations/{self.operation}/cancel")
        self.ask("bob", "PATCH", f"/v1/nodes/{self.own}", {"description": "the last one"})
        seen = []
        while not seen or seen[-1]["event_type"] != "valence.node.update":
            seen.append(stream.event())
        self.assertEqual([], [each for each in self.secrets if each in json.dumps(seen)])
        self.assertIn(self.own, {event["object_id"] for event in seen})

    def stream(self, name, url):
        """Return the stream that somebody opens, after its first frame."""
        stream = test_events.Stream(self.ask(name, "GET", url))
        self.addCleanup(stream.close)
        self.assertEqual({"retry": "2000"}, stream.frame())
        return stream

    def test_the_key_of_a_request_is_that_of_its_project(self):
        """The nodes of two projects may have one name, and so the URL of a request may be the same."""
        self.ask("bob", "PATCH", f"/v1/nodes/{self.own}", {"name": "blue-7"})
        self.ask("ann", "POST", f"/v1/operations/{self.operation}/cancel")
        answers = [
            self.ask(name, "POST", "/v1/nodes/blue-7/action", {"power": "on"}, Idempotency_Key="k")
            for name in ("ann", "bob", "bob")
        ]
        self.assertEqual([409, 202, 202], [each.status_code for each in answers])
        self.assertEqual(self.own, answers[1].json["target_id"])
        self.assertEqual(answers[1].json["uuid"], answers[2].json["uuid"])

    def test_who_only_reads_changes_nothing(self):
        for method, end, body in (
            ("PATCH", "", {"name": "x"}),
            ("PUT", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/action", {"power": "on"}),
        ):
            response = self.ask("eve", method, f"/v1/nodes/{self.own}{end}", body)
            self.assert_error(response, 403, "valence.forbidden")
        self.assertEqual("red-7", self.ask("eve", "GET", f"/v1/nodes/{self.own}").json["name"])

    def test_what_is_for_administrators(self):
        for method, url, body in (
            ("POST", "/v1/nodes/manage", {"resource_id": case.UUID}),
            ("GET", "/v1/nodes?all_projects=true", None),
            ("POST", f"/v1/nodes/{self.own}/register", {}),
            ("POST", f"/v1/nodes/{self.own}/unregister", {}),
            ("DELETE", f"/v1/nodes/{self.own}?force=true", None),
        ):
            self.assert_error(self.ask("bob", method, url, body), 403, "valence.forbidden")

    def test_administrators_reach_the_nodes_of_all_projects(self):
        self.assertEqual("blue-7", self.ask("root", "GET", self.url()).json["name"])
        self.assertEqual(self.own, self.ask("root", "GET", "/v1/nodes/red-7").json["uuid"])
        shown = self.ask("root", "GET", "/v1/nodes?all_projects=true").json["nodes"]
        self.assertEqual({self.node, self.own}, {each["uuid"] for each in shown})
