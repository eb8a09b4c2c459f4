# SPDX-License-Identifier: Apache-2.0
"""The examples on the page about the library are run, as doctests, against a pod as the demo has it."""

import doctest
import pathlib

from tests import base
from tests import live
from valence import client

PAGE = pathlib.Path(__file__).parents[2] / "doc/source/user/sdk.rst"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


class LibraryTest(base.TestCase):
    time_limit = 120

    def test_the_examples(self):
        site = self.useFixture(live.Site(systems=4))
        site.client.post(
            "/v1/pod_managers", {"name": "demo", "url": f"{site.pod.url}/redfish/v1", **live.CREDENTIALS}
        )
        rack = client.connect(site.client.url)
        rack.wait_for_operation(rack.pod_managers.sync(rack.pod_managers.find("demo")))
        text = PAGE.read_text().replace("http://127.0.0.1:8181", site.client.url)
        test = doctest.DocTestParser().get_doctest(text, {}, "sdk", str(PAGE), 0)
        told = []
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.append)
        self.assertEqual("", "".join(told))
        self.assertGreater(len(test.examples), 15)
