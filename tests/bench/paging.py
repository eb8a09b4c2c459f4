# SPDX-License-Identifier: Apache-2.0
"""Whether a late page of a long list costs what the first one does."""

import json
import statistics

from tests.bench import http_requests
from tests.bench import load
from tests.bench import table

RESOURCES, LIMIT = 100_000, 100
REQUESTS = 300
ROUNDS = 3
TARGET = 1.3


def rows(site):
    """Yield the rows of the table."""
    [podm_id] = site.insert_pod_managers(1)
    uuids = site.insert_resources(podm_id, RESOURCES)
    first = load.request("GET", f"/v1/resources?limit={LIMIT}")
    last = load.request("GET", f"/v1/resources?limit={LIMIT}&marker={uuids[-LIMIT - 1]}")
    check(site.port, last, uuids[-LIMIT:])
    gauge = site.meter()
    gauge.watch_idle()
    rounds = [[measure(site, gauge, each) for each in (first, last)] for _ in range(ROUNDS)]
    pages = [merge([each[place] for each in rounds]) for place in (0, 1)]
    yield row("page 1 of 100,000 resources", pages[0])
    yield row("page 1,000 of 100,000 resources", pages[1])
    yield table.Row("page 1,000 to page 1, CPU", pages[1][0] / pages[0][0], "×", target=TARGET)
    yield table.Row("page 1,000 to page 1, p50", pages[1][1] / pages[0][1], "×", target=TARGET)


def check(port, request, expected):
    """Make sure that it is that page which is asked for."""
    connection = load.Connection(port)
    found = [row["uuid"] for row in json.loads(connection.ask(request))["resources"]]
    connection.close()
    if found != expected:
        raise load.LoadError(f"the last page begins with {found[:3]}, not {expected[:3]}")


def measure(site, gauge, request):
    """Return CPU milliseconds, p50 and p99 of a page."""
    with gauge.measure() as used:
        seconds = load.run(site.port, [request] * REQUESTS, 1)
    cpu = sum(used.cpu.values()) / REQUESTS * 1000
    return cpu, http_requests.percentile(seconds, 50), http_requests.percentile(seconds, 99)


def merge(measured):
    return [statistics.median(each) for each in zip(*measured, strict=True)]


def row(what, page):
    cpu, p50, p99 = page
    return table.Row(what, cpu, p50=p50, p99=p99)
