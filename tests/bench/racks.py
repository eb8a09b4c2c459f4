# SPDX-License-Identifier: Apache-2.0
"""How long a browser draws racks: 42 racks of 42 units, all filled, in a window that shows all of them.

The time begins when the browser has received and parsed all pictures, and ends when it has painted the last one. The
CPU time of its tasks is printed, too: it depends less on what else the machine does.
"""

import json
import pathlib
import time

import fixtures

from tests import deployment
from tests.bench import table
from tests.ui import case

RACKS, UNITS = 42, 42
#: milliseconds
TARGET = 200
ROUNDS = 5
#: a window that shows all racks of the page at once, in their small size
WINDOW = {"width": 1920, "height": 1080}
#: the hardware has nothing else, so that its first synchronization is short
SHAPE = {
    "racks": RACKS,
    "systems": RACKS * UNITS,
    "systems_per_sled": 2,  # a sled has two units
    "power_supplies": 0,
    "pcie_devices": 0,
    "network_adapters": 0,
    "drives": 0,
    "nodes": 0,
    "system_blocks": 0,
    "fabrics": False,
    "composition": "none",
}
#: keeps the pictures until all are there, and notes when the browser has painted the last one
WATCH = """
const send = XMLHttpRequest.prototype.send;
const arrived = [];
XMLHttpRequest.prototype.send = function (...body) {
  const load = this.onload;
  this.onload = () => {
    arrived.push(load);
    window.arrivals = arrived.length;
  };
  send.apply(this, body);
};
window.draw = () => new Promise((resolve) => {
  const begun = performance.now();
  new MutationObserver((_, observer) => {
    if (document.getElementsByTagName("svg").length < RACKS) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
  }).observe(document, { childList: true, subtree: true });
  for (const each of arrived) each();
});
"""


class Site(fixtures.Fixture):
    """A Valence with the racks, and a browser."""

    profiled: dict = {}

    def _setUp(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        pod = self.useFixture(deployment.Simulator(folder, **SHAPE))
        self.valence = self.useFixture(deployment.AllInOne(folder))
        credentials = {"username": "admin", "password": "password"}
        self.valence.client.post("/v1/pod_managers", {"name": "pod", "url": pod.root} | credentials)
        self.valence.wait_until(self._is_synchronized, 300)
        self.racks = self.valence.client.rows("/v1/racks")
        self.browser = self.useFixture(case.Browser()).browser

    def _is_synchronized(self):
        return self.valence.client.rows("/v1/pod_managers")[0]["last_synced_at"]


def rows(site):
    """Yield the rows of the table."""
    pictures = {
        each["uuid"]: site.valence.client.request("GET", f"/v1/racks/{each['uuid']}.svg").text
        for each in site.racks
    }
    rounds = sorted((draw(site, pictures) for _ in range(ROUNDS)), key=lambda each: each["ms"])
    middle = rounds[len(rounds) // 2]
    parts = {
        "elements": middle["elements"],
        "ms CPU of its tasks": middle["cpu"],
        "fastest": rounds[0]["ms"],
        "slowest": rounds[-1]["ms"],
    }
    yield table.Row(f"{RACKS} racks × {UNITS} units painted", middle["ms"], "ms", parts, target=TARGET)


def draw(site, pictures):
    """Return the milliseconds from data to paint, those of CPU time, and the elements drawn."""
    page = site.browser.new_page(viewport=WINDOW)
    page.add_init_script(WATCH.replace("RACKS", str(len(pictures))))
    page.route("**/v1/racks/*.svg", lambda route, request: _answer(route, pictures[_uuid(request)]))
    page.goto(f"{site.valence.client.url}/ui/#/racks?size=small")
    deadline = time.monotonic() + case.PATIENCE / 1000
    while page.evaluate("window.arrivals ?? 0") < len(pictures):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not all of {len(pictures)} pictures are requested.")
        page.wait_for_timeout(20)
    site.browser.start_tracing(page=page)
    found = {"ms": page.evaluate("draw()")}
    found["cpu"] = _cpu(json.loads(site.browser.stop_tracing()))
    found["elements"] = page.evaluate("document.querySelectorAll('.rack svg *').length")
    page.close()
    return found


def _answer(route, picture):
    route.fulfill(body=picture, content_type="image/svg+xml")


def _uuid(request):
    return request.url.rpartition("/")[2].removesuffix(".svg")


def _cpu(trace):
    """Return the CPU milliseconds of the tasks in a trace of Chromium."""
    return sum(each.get("tdur", 0) for each in trace["traceEvents"] if each["name"] == "RunTask") / 1000
