# SPDX-License-Identifier: Apache-2.0
"""Files are read whole, and all their problems come together with their lines."""

import fixtures

from tests import base
from valence.client.desired_state import document

GOOD = """\
nodes:
- {name: web-1, flavor: large}
flavors:
- name: large
  properties: {processor: {total_cores: 8}}
pod_managers:
- name: row-7
  url: https://10.0.0.7/redfish/v1
  username: admin
  password: {env: PASSWORD_OF_ROW_7}
"""
BAD = """\
pod_managers:
- name: row-7
  uri: https://10.0.0.7
  password: hidden
  verify_ca: true
- name: row-7
  url: https://10.0.0.8/redfish/v1
  password: {file: 7}
flavours: []
quotas:
- {project_id: demo, limits: {cpus: 7}}
- {project_id: demo, limits: {cores: 1.5}}
flavors: large
nodes:
- web-1
- name: web-2
  name: web-3
  system: System 1
  flavor: large
  power: "on"
"""
PROBLEMS = """\
line 2: pod_managers[0].url: It is missing.
line 3: pod_managers[0].uri: There is no such field. Did you mean url?
line 4: pod_managers[0].password: It must say where the secret is: {file: PATH} or {env: VARIABLE}; never write …
line 5: pod_managers[0].verify_ca: It must be text; put it in quotes.
line 6: pod_managers[1].name: Line 2 has the name row-7, too.
line 8: pod_managers[1].password: It must say where the secret is: {file: PATH} or {env: VARIABLE}; never write …
line 9: flavours: There is no such section. Did you mean flavors?
line 11: quotas[0].limits: It has cpus. Use nodes, cores, memory_mib, storage_gib, accelerators.
line 12: quotas[1].limits: cores must be a whole number, -1 for no limit, or null for the limit of the site.
line 12: quotas[1].project_id: Line 11 has the project demo, too.
line 13: flavors: It must be a list.
line 15: nodes[0]: It must be a mapping of fields to values.
line 17: nodes[1].name: It comes twice; leave one out.
line 19: nodes[1].flavor: It is given together with system; give one of them.
line 20: nodes[1].power: It is given together with system, which is taken as it stands; leave it out.
"""


class ReadTest(base.TestCase):
    def problems(self, text):
        return self.assertRaises(document.Invalid, document.read, text).problems

    def test_entries_come_in_the_order_of_their_creation(self):
        entries = document.read(GOOD)
        self.assertEqual(["row-7", "large", "web-1"], [each.name for each in entries])
        self.assertEqual(document.Secret("env", "PASSWORD_OF_ROW_7"), entries[0].values["password"])
        self.assertEqual("line 4: flavors[0].policy: No.", entries[1].problem("policy", "No."))
        self.assertEqual("line 5: flavors[0].properties: No.", entries[1].problem("properties", "No."))

    def test_nothing_is_wanted_by_an_empty_file(self):
        self.assertEqual([], document.read(""))
        self.assertEqual([], document.read("# nothing yet\nflavors:\n"))

    def test_all_problems_come_together(self):
        expected = PROBLEMS.splitlines()
        found = self.problems(BAD)
        self.assertEqual(len(expected), len(found), found)
        for wanted, actual in zip(expected, found, strict=True):
            self.assertEqual(wanted.removesuffix("…"), actual[: len(wanted.removesuffix("…"))])
        self.assertNotIn("hidden", str(found))

    def test_what_is_not_yaml(self):
        (problem,) = self.problems("flavors:\n- [\n")
        self.assertEqual("line 3: It is not YAML: ", problem[:24])
        self.assertEqual(
            ("line 1: The file must have sections: pod_managers, flavors, quotas, nodes.",),
            self.problems("- a"),
        )
        (problem,) = self.problems("flavors: !!python/object:os.system {}\n")
        self.assertIn("could not determine a constructor", problem)

    def test_a_character_that_yaml_refuses_has_its_line(self):
        (problem,) = self.problems("flavors:\n- name: a\x07\n")
        self.assertEqual("line 2: It is not YAML: special characters are not allowed.", problem)

    def test_values_that_no_json_has(self):
        for value in (
            "2026-11-30",
            "!!binary aGk=",
            "!!set {a}",
            ".nan",
            "{2026-11-30: 1}",
            "*x",
            r'"\ud800"',
        ):
            text = f"flavors:\n- name: a\n  properties: &x {{processor: {{total_cores: {value}}}}}"
            (problem,) = self.problems(text)
            self.assertEqual("line 3: flavors[0].properties: It ", problem[:34], value)
        (problem,) = self.problems('flavors:\n- name: "\\ud800x"')
        self.assertIn("line 2: flavors[0].name: It has a character", problem)

    def test_a_file_that_refers_to_itself_ends(self):
        self.assertEqual(1, len(self.problems("flavors: &a\n- *a\n")))


class SecretTest(base.TestCase):
    def test_a_file_has_it_in_its_first_line(self):
        file = self.make_folder() / "password"
        file.write_text("se cret\r\nsecond\n")
        self.assertEqual("se cret", document.Secret("file", str(file)).read())
        missing = document.Secret("file", f"{file}-2")
        error = self.assertRaises(ValueError, missing.read)
        self.assertEqual(f"The file {file}-2 cannot be read: No such file or directory.", str(error))

    def test_a_variable_has_it(self):
        secret = document.Secret("env", "PASSWORD_OF_ROW_7")
        self.useFixture(fixtures.EnvironmentVariable("PASSWORD_OF_ROW_7"))
        self.assertIn("no variable PASSWORD_OF_ROW_7", str(self.assertRaises(ValueError, secret.read)))
        self.useFixture(fixtures.EnvironmentVariable("PASSWORD_OF_ROW_7", "secret"))
        self.assertEqual("secret", secret.read())
        self.assertNotIn("secret", str(secret))
