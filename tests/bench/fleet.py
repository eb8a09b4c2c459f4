# SPDX-License-Identifier: Apache-2.0
"""What ten large pod managers keep one conductor busy with, when nothing changes in them."""

import contextlib
import datetime
import functools
import time

from tests import deployment
from tests.bench import site
from tests.bench import table
from valence.db import types

#: pod managers, half of which offer $expand, and systems in each
PODS, SYSTEMS, RACKS = 10, 1000, 25
#: seconds between two synchronizations, and of the measurement
INTERVAL, WINDOW = 100, 120
#: processors
TARGET = 0.5
SECONDS = 1200

Site = functools.partial(site.Site, sync={"interval": INTERVAL}, notifications={"enabled": False})


def rows(place):
    """Yield the rows of the table."""
    with contextlib.ExitStack() as pods:
        for number in range(PODS):
            register(place, pods.enter_context(simulator(place, number)))
        place.valence.conductor.wait_until(lambda: None not in synchronized(place), SECONDS)
        meter = place.meter()
        with meter.measure() as used:
            time.sleep(WINDOW)
        age = types.parse_time(types.now()) - types.parse_time(min(synchronized(place)))
    processors = {name: seconds / used.wall for name, seconds in used.cpu.items()}
    what = f"{PODS} pod managers with {SYSTEMS:,} systems"
    yield table.Row(what, processors["conductor"], "of a CPU", parts=processors, target=TARGET)
    yield table.Row(
        f"oldest synchronization of {what}", age / datetime.timedelta(seconds=1), "s", target=WINDOW
    )
    yield table.Row(f"memory of the conductor with {what}", meter.resident("conductor"), "MB")


def simulator(place, number):
    """Return a simulated pod that listens with TLS."""
    folder, offers = place.valence.folder, number % 2 == 0
    options = {"systems": SYSTEMS, "racks": RACKS, "expand": offers, "tls": folder / "tls"}
    return deployment.Simulator(folder, f"pod-{number}", **options)


def register(place, pod):
    access = {"username": "admin", "password": "password"}
    place.valence.register(
        pod.name, pod.root, verify_ca=str(place.valence.folder / "tls" / "cert.pem"), **access
    )


def synchronized(place):
    """Return when each pod manager was last synchronized."""
    return [row["last_synced_at"] for row in place.client.rows("/v1/pod_managers")]
