# SPDX-License-Identifier: Apache-2.0
"""Rules and personas."""

import typing

from oslo_config import cfg

from tests import base
from valence.api.http import auth
from valence.common import context


class Route(typing.NamedTuple):
    """What a rule is made of."""

    method: str
    url: str
    rule: str
    persona: str
    summary: str


ROUTES = (
    Route("GET", "/", "valence:versions:list", auth.PUBLIC, "Show."),
    Route("GET", "/racks", "valence:racks:list", auth.READER, "List."),
    Route("GET", "/rack", "valence:racks:list", auth.READER, "List."),
    Route("POST", "/sync", "valence:racks:sync", auth.MEMBER, "Sync."),
    Route("POST", "/racks", "valence:racks:create", auth.ADMIN, "Create."),
)
NAMES = ("versions:list", "racks:list", "racks:sync", "racks:create")


class PolicyTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.conf = cfg.ConfigOpts()
        self.conf(["--config-dir", str(self.folder)], project="valence", default_config_files=[])
        self.policy = auth.Policy(auth.get_enforcer(self.conf, auth.list_rules(ROUTES)))

    def allowed(self, *roles):
        """Return the names of the rules that allow somebody with roles."""
        who = context.RequestContext(roles=list(roles), overwrite=False)
        return [name for name in NAMES if self.policy.allows(f"valence:{name}", who)]

    def test_personas(self):
        self.assertEqual(["versions:list"], self.allowed())
        self.assertEqual(["versions:list"], self.allowed("guest"))
        self.assertEqual(["versions:list", "racks:list"], self.allowed("reader"))
        self.assertEqual(["versions:list", "racks:list", "racks:sync"], self.allowed("member"))
        self.assertEqual(list(NAMES), self.allowed("admin"))

    def test_a_name_has_one_rule_with_all_its_urls(self):
        rules = {rule.name: rule for rule in auth.list_rules(ROUTES)}
        self.assertEqual(
            ["/racks", "/rack"], [each["path"] for each in rules["valence:racks:list"].operations]
        )
        self.assertEqual(len(auth.PERSONAS) + len(NAMES), len(rules))

    def test_operators_change_rules(self):
        (self.folder / "policy.yaml").write_text('"valence:racks:list": "role:guest"\n')
        self.policy = auth.Policy(auth.get_enforcer(self.conf, auth.list_rules(ROUTES)))
        self.assertEqual(["versions:list", "racks:list"], self.allowed("guest"))
        self.assertNotIn("racks:list", self.allowed("reader"))

    def test_a_rule_may_compare_projects(self):
        (self.folder / "policy.yaml").write_text('"valence:racks:list": "project_id:%(project_id)s"\n')
        self.policy = auth.Policy(auth.get_enforcer(self.conf, auth.list_rules(ROUTES)))
        who = context.RequestContext(roles=["member"], project_id="a", overwrite=False)
        found = [self.policy.allows("valence:racks:list", who, project) for project in ("a", "b", None)]
        self.assertEqual([True, False, False], found)

    def test_decisions_are_reused_for_equal_credentials_alone(self):
        for _ in range(2):
            self.assertIn("racks:create", self.allowed("admin"))
            self.assertNotIn("racks:create", self.allowed("member"))
