# SPDX-License-Identifier: Apache-2.0
"""Introspection with documents of 1.2 MB: one at a time, 16 at once, and what other requests feel of it.

``python -m tests.bench.introspection`` prints figures of one process, with the clients in it: they share one
interpreter, so what other requests feel is more than with processes of their own.
"""

import concurrent.futures
import statistics
import threading
import time

from tests import live
from tests import ramdisk

MACHINES, ROUNDS = 16, 5
OTHER = "/v1/pod_managers"


def main():
    """Print the figures."""
    with live.Site(systems=MACHINES, processing__documents_per_minute=10_000) as site:
        _register(site)
        machines = {system["uuid"]: site.mac(system) for system in site.systems()}
        quiet = _other(site, lambda: time.sleep(3))
        saves, gets = _one_by_one(site, machines)
        answers = []
        busy = _other(site, lambda: answers.extend(_together(site, machines)))
        print(f"save {_ms(saves)}, get {_ms(gets)} of one document of 1.2 MB")
        print(
            f"{MACHINES} at once: {len(answers)} answers, {[each for each in answers if each != 200]} not 200"
        )
        print(f"GET {OTHER}: p99 {quiet * 1000:.1f} ms alone, {busy * 1000:.1f} ms meanwhile")


def _register(site):
    site.register()
    while len(site.systems()) < MACHINES:
        time.sleep(0.1)


def _start(site, uuid):
    path = f"/introspection/v1/introspection/{uuid}"
    site.client.post(f"{path}?manage_boot=0")
    while site.client.get(path)["state"] != "waiting":
        time.sleep(0.02)


def _timed(call):
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


def _one_by_one(site, machines):
    pairs = [_one(site, uuid, mac) for uuid, mac in list(machines.items())[:ROUNDS]]
    return zip(*pairs, strict=True)


def _one(site, uuid, mac):
    """Return the seconds that the document of a machine takes to be saved, and to be read."""
    _start(site, uuid)
    document = ramdisk.document("large", mac)
    saved, answer = _timed(lambda: ramdisk.post(site.introspection, document))
    answer.raise_for_status()
    return saved, _timed(lambda: site.client.get(f"/introspection/v1/introspection/{uuid}/data"))[0]


def _together(site, machines):
    for uuid in machines:
        _start(site, uuid)
    documents = [ramdisk.document("large", mac) for mac in machines.values()]
    with concurrent.futures.ThreadPoolExecutor(MACHINES) as pool:
        return [
            each.status_code
            for each in pool.map(lambda found: ramdisk.post(site.introspection, found), documents)
        ]


def _other(site, work):
    """Return the 99th percentile of another request's time while ``work`` goes on."""
    stop, times = threading.Event(), []

    def ask():
        while not stop.is_set():
            times.append(_timed(lambda: site.client.get(OTHER))[0])
            time.sleep(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    work()
    stop.set()
    thread.join()
    return statistics.quantiles(times, n=100)[-1]


def _ms(times):
    return f"{statistics.median(times) * 1000:.0f} ms"


if __name__ == "__main__":
    main()
