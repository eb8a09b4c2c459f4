# SPDX-License-Identifier: Apache-2.0
"""The examples on the pages about the library and the command line are run against a pod as the demo has it."""

import doctest
import pathlib
import sys

from tests import base
from tests import console
from tests import live
from valence import client

DOCUMENTATION = pathlib.Path(__file__).parents[2] / "doc/source"
BIN = pathlib.Path(sys.executable).parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


class ExampleTest(base.TestCase):
    time_limit = 240

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site(systems=4))
        url = f"{self.site.pod.url}/redfish/v1"
        self.site.client.post("/v1/pod_managers", {"name": "demo", "url": url, **live.CREDENTIALS})
        rack = client.connect(self.site.client.url)
        rack.wait_for_operation(rack.pod_managers.sync(rack.pod_managers.find("demo")))

    def test_library(self):
        page = DOCUMENTATION / "user/sdk.rst"
        text = page.read_text().replace("http://127.0.0.1:8181", self.site.client.url)
        test = doctest.DocTestParser().get_doctest(text, {}, "sdk", str(page), 0)
        told = []
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.append)
        self.assertEqual("", "".join(told))
        self.assertGreater(len(test.examples), 15)

    def test_command_line(self):
        url = self.site.client.url
        instead = {r"http://127\.0\.0\.1:8181\b": url}
        shell = self.useFixture(console.Console(self.make_folder(), instead, path=[BIN]))
        shell.run(console.Step(0, f"export VALENCE_ENDPOINT={url}", ""))
        for page, least in (
            ("cli/index", 10),
            ("cli/desired_state", 10),
            ("man/valence", 2),
            ("admin/quotas", 3),
        ):
            steps = list(console.steps((DOCUMENTATION / f"{page}.rst").read_text()))
            self.assertGreater(len(steps), least)
            for step in steps:
                shell.run(step)
