# SPDX-License-Identifier: Apache-2.0
"""What ``apply`` and ``export`` print and end with."""

import io
import json

from tests import base
from tests.unit.client import console
from tests.unit.client import server
from valence.client import shell as shell_module
from valence.client.desired_state import document

FLAVOR = {"uuid": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", "name": "large", "policy": "pack"}


class ApplyTest(base.TestCase):
    def apply(self, text, answers, *options):
        file = self.make_folder() / "site.yaml"
        file.write_text(text)
        self.file, self.console = file, self.useFixture(console.Console(*answers))
        return self.console.run("apply", "-f", str(file), *options)

    def test_a_dry_run_changes_nothing(self):
        text = "flavors:\n- {name: large, policy: spread}\n- {name: small, description: é}\n"
        answers = [server.page("flavors", FLAVOR), server.page("flavors")]
        expected = '~ flavor large\n    policy: "pack" -> "spread"\n+ flavor small\n    description: "é"\n'
        self.assertEqual((0, expected, ""), self.apply(text, answers, "--dry-run"))
        self.assertEqual([], self.console.server.answers)

    def test_what_could_not_be_done_comes_at_the_end(self):
        text = "flavors:\n- {name: large, policy: spread}\n- {name: small}\n"
        answers = [server.page("flavors", FLAVOR), server.page("flavors"), server.problem(412), {"uuid": "7"}]
        printed = self.apply(text, answers)
        self.assertEqual((1, "flavor large: There is none. Look.\n"), (printed.code, printed.err))

    def test_json_has_the_result_of_each_step(self):
        answers = [server.page("flavors", FLAVOR), server.problem(412)]
        printed = self.apply("flavors: [{name: large, policy: spread}]", answers, "--json")
        expected = {
            "action": "change",
            "kind": "flavor",
            "name": "large",
            "differences": [{"field": "policy", "actual": "pack", "wanted": "spread"}],
            "error": "There is none. Look.",
        }
        self.assertEqual([expected], [json.loads(line) for line in printed.out.splitlines()])

    def test_every_problem_of_the_file_is_a_line_and_nobody_is_asked(self):
        printed = self.apply("quotas: {}\nflavors: 7\n", [server.page("flavors")])
        expected = [
            f"{self.file}: line 1: quotas: It must be a list.",
            f"{self.file}: line 2: flavors: It must be a list.",
        ]
        self.assertEqual((1, expected), (printed.code, printed.err.splitlines()))
        self.assertEqual([], self.console.server.requests)

    def test_a_file_that_is_not_there(self):
        printed = self.useFixture(console.Console()).run("apply", "-f", "/nowhere/site.yaml")
        expected = (
            "The file /nowhere/site.yaml cannot be read: No such file or directory. Name a YAML file.\n"
        )
        self.assertEqual((1, expected), (printed.code, printed.err))


class ExportTest(base.TestCase):
    def test_what_is_left_out_fails(self):
        node = {"name": "web-1", "flavor_id": None, "requirements": {}, "kind": "composed"}
        pages = [server.page("nodes", node | {"uuid": "1"}, node | {"uuid": "2"})]
        printed = self.useFixture(console.Console(*pages)).run("export", "--only", "nodes")
        self.assertEqual((1, "2 nodes have the name web-1"), (printed.code, printed.err[:27]))
        self.assertEqual("nodes: []\n", printed.out[-10:])

    def test_a_stream_of_ascii_has_the_same_entries(self):
        self.useFixture(console.Console(server.page("flavors", FLAVOR | {"name": "é"})))
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        self.assertEqual(0, shell_module.main(["export", "--only", "flavors"], stdout=stream))
        stream.flush()
        self.assertEqual(["é"], [each.name for each in document.read(raw.getvalue().decode())])

    def test_a_section_alone(self):
        page = server.page("flavors", FLAVOR)
        printed = self.useFixture(console.Console(page)).run("export", "--only", "flavors")
        self.assertEqual((0, ""), (printed.code, printed.err))
        self.assertEqual(
            "flavors:\n- name: large\n  policy: pack\n", printed.out.partition("VARIABLE}.\n")[2]
        )
