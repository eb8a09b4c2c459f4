# SPDX-License-Identifier: Apache-2.0
"""What clients of the first release send, replayed in order on one site: each request gets the promised answer.

``tests/data/original`` has the requests. The table of differences in the documentation has a row for each answer that
is not as before, and no other rows.
"""

import pathlib
import re

import yaml

from tests import base
from tests import live

ROOT = pathlib.Path(__file__).parents[2]
REQUESTS = yaml.safe_load((ROOT / "tests/data/original/requests.yaml").read_text())
PAGE = ROOT / "doc/source/user/first_release.rst"
#: cells of a list-table: each line of a cell is indented further than its dash
CELL = re.compile(r"^   [* ] - (.*(?:\n       .*)*)", re.MULTILINE)
COLUMNS = 4
HARDWARE = {
    "system_blocks": 0,
    "compute_blocks": 2,
    "storage_blocks": 3,
    "limits": "MaxCompute=1,MaxStorage=2",
}


def rows():
    """Return the rows of the table of differences, without its heading: the cells of each."""
    cells = [" ".join(found.split()) for found in CELL.findall(PAGE.read_text())]
    return [cells[start : start + COLUMNS] for start in range(COLUMNS, len(cells), COLUMNS)]


class TableTest(base.TestCase):
    def test_each_difference_has_a_row_and_each_row_a_difference(self):
        named = [each["differs"] for each in REQUESTS if "differs" in each]
        self.assertEqual([], [cells for cells in rows() if len(cells) != COLUMNS or not all(cells)])
        self.assertEqual(sorted(set(named)), sorted(cells[0] for cells in rows()))

    def test_what_has_another_status_has_a_row(self):
        changed = [each for each in REQUESTS if each.get("was", each["now"]) != each["now"]]
        self.assertEqual([], [each["send"] for each in changed if "differs" not in each])

    def test_reasons_are_sentences(self):
        for _, before, here, reason in rows():
            self.assertTrue(all(each.endswith(".") for each in (before, here, reason)), reason)


class ReplayTest(base.TestCase):
    time_limit = 180

    def test_replay(self):
        self.site = self.useFixture(live.Site(systems=1, hardware=HARDWARE))
        self.kept = {"pod": self.site.pod.url}
        for request in REQUESTS:
            self.replay(request)

    def replay(self, request):
        """Send a request, check its answer, and keep what later requests use."""
        method, url = self.filled(request["send"]).split(" ")
        if "until" in request:
            self.wait_for(lambda: includes(self.site.client.get(url), request["until"]), timeout=60)
        response = self.site.client.request(method, url, timeout=90, **self.sent(request))
        label = f"{method} {url} {request.get('json', '')}: {response.text}"
        self.assertEqual(request["now"], response.status_code, label)
        answer = response.json() if response.content else None
        told = answer["errors"][0] if response.status_code >= 400 else answer
        if "has" in request:
            self.assertTrue(includes(told, self.filled(request["has"])), label)
        for name, path in request.get("keep", {}).items():
            self.kept[name] = reach(answer, path)

    def sent(self, request):
        """Return the keywords for the body and the headers of a request."""
        headers = {"Content-Type": request["type"]} if "type" in request else {}
        headers |= {"Prefer": "wait=60"} if request.get("waits") else {}
        body = {"json": self.filled(request["json"])} if "json" in request else {"data": request.get("text")}
        return {"headers": headers, **body}

    def filled(self, value):
        """Return a value with what was kept in the place of ``{name}``."""
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if not isinstance(value, str):
            return value
        return re.sub(r"\{(\w+)\}", lambda match: self.kept[match[1]], value)


def reach(document, path):
    """Return the value at a path such as ``systems.0.uuid``."""
    for name in path.split("."):
        document = document[int(name) if name.isdigit() else name]
    return document


def includes(answer, wanted):
    """Return whether an answer has the fields of ``wanted`` and as many items of a list, or more."""
    if isinstance(wanted, dict):
        return isinstance(answer, dict) and all(
            name in answer and includes(answer[name], each) for name, each in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(answer, list)
            and bool(wanted or not answer)
            and len(answer) >= len(wanted)
            and all(map(includes, answer, wanted))
        )
    return answer == wanted
