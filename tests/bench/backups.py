# SPDX-License-Identifier: Apache-2.0
"""What the backup service's requests cost with a thousand jobs, and with a hundred thousand."""

import contextlib
import itertools
import statistics

from tests.bench import floor
from tests.bench import http_requests
from tests.bench import load
from tests.bench import table
from valence.db import models
from valence.db import store

SMALL, LARGE = 1_000, 100_000
#: jobs of a client, every second of which has ended
PER_CLIENT = 100
REQUESTS = 200
WARM_UP = 50
ROUNDS = 3
PROJECT = "bench"
BASE = f"/backup/v2/{PROJECT}/jobs"
ACTION = {
    "action": "backup",
    "mode": "fs",
    "path_to_backup": "/srv",
    "backup_name": "srv",
    "container": "store",
}

#: what is asked -> (CPU ms at most, milliseconds that Freezer API 19 takes with 1,000 jobs)
MARKS = {
    "list 100 jobs": (8, 240),
    "a scheduler's poll": (6, 1000),
    "get a job": (None, 5),
    # One and a half times what Freezer API takes.
    "create a job": (18, 12),
    "patch a job": (4.5, 3),
}
GROWTH = 1.5


def rows(site):
    """Yield the rows of the table."""
    fill(site, 0, SMALL)
    small = yield from measure_all(site, SMALL)
    fill(site, SMALL, LARGE)
    large = yield from measure_all(site, LARGE)
    for what in ("list 100 jobs", "a scheduler's poll"):
        yield table.Row(f"{what}: 100,000 to 1,000 jobs, CPU", large[what] / small[what], "×", target=GROWTH)


def fill(site, start, end):
    """Store jobs by number, each with an action of its own."""
    with contextlib.closing(site.store()) as database:
        for first in range(start, end, PER_CLIENT):
            client = models.Client(id=f"{PROJECT}:{node(first)}", project_id=PROJECT, uuid=str(first))
            made = (job(client, number) for number in range(first, first + PER_CLIENT))
            database.commit(*map(store.Create, [client, *itertools.chain.from_iterable(made)]))


def node(number):
    return f"node-{number // PER_CLIENT}"


def name(number):
    """Return the name of a job; those of a client are not neighbours, as random names are not."""
    return f"{number * 7919 % LARGE:06}"


def job(client, number):
    """Return the rows of a job."""
    own, key = {"project_id": PROJECT}, f"{PROJECT}:{name(number)}"
    row = models.Job(
        id=key, description=f"job {number}", scheduling={"schedule_interval": "1 days"}, time_created=1, **own
    )
    status = "completed" if number % 2 else "scheduled"
    at_client = {"client_id": client.id, "client_name": node(number), "status": status}
    action = models.Action(
        id=key,
        action="backup",
        mode="fs",
        src_file="/srv",
        backup_name="srv",
        container="store",
        max_retries=5,
        **own,
    )
    attached = models.ActionAttachment(job_id=key, action_id=key, **own)
    return row, models.JobAttachment(job_id=key, **at_client, **own), action, attached


def measure_all(site, total):
    """Yield a row for each kind of request; return the CPU milliseconds by what is asked."""
    asked, gauge, cost = requests(total), site.meter(), {}
    for source in asked.values():
        load.run(site.port, list(itertools.islice(source, WARM_UP)), 2)
    gauge.watch_idle()
    with floor.Floor(site, {what: next(source) for what, source in asked.items()}) as bare:
        for what, source in asked.items():
            rounds = [measure(site, gauge, list(itertools.islice(source, REQUESTS))) for _ in range(ROUNDS)]
            cost[what] = statistics.median(sum(parts.values()) for parts, _ in rounds)
            parts, seconds = min(rounds, key=lambda each: abs(sum(each[0].values()) - cost[what]))
            made = row(f"{what} of {total:,}", cost[what], parts, seconds, MARKS[what])
            made.floor = bare.measure(what, REQUESTS, 1, ROUNDS)
            yield made
    return cost


def measure(site, gauge, asked):
    """Return CPU milliseconds by process, and the sorted seconds that requests took."""
    with gauge.measure() as used:
        seconds = load.run(site.port, asked, 1)
    return {process: cpu / len(asked) * 1000 for process, cpu in used.cpu.items()}, seconds


def row(what, figure, parts, seconds, marks):
    target, freezer = marks
    p50, p99 = (http_requests.percentile(seconds, percent) for percent in (50, 99))
    return table.Row(f"{what} (Freezer {freezer} ms)", figure, parts=parts, p50=p50, p99=p99, target=target)


def requests(total):
    """Return endless requests by what they ask for."""
    numbers = itertools.cycle(range(0, total, 37))
    fresh = itertools.count(total)
    return {
        "list 100 jobs": itertools.repeat(load.request("GET", f"{BASE}/?limit=100&offset=0")),
        "a scheduler's poll": (poll(number) for number in numbers),
        "get a job": (load.request("GET", f"{BASE}/{name(number)}") for number in numbers),
        "create a job": (load.request("POST", f"{BASE}/", creation()) for _ in fresh),
        "patch a job": (
            load.request("PATCH", f"{BASE}/{name(number)}", report(number)) for number in numbers
        ),
    }


def poll(number):
    search = {"match_not": [{"status": "completed"}], "match": [{"client_id": node(number)}]}
    return load.request("GET", f"{BASE}/?limit=10&offset=0&all_projects=False", search)


def creation():
    entry = {"freezer_action": ACTION, "max_retries": 1, "max_retries_interval": 1}
    return {"client_id": node(0), "job_schedule": {"schedule_interval": "1 days"}, "job_actions": [entry]}


def report(number):
    return {
        "job_schedule": {
            "status": "running",
            "event": "",
            "result": "",
            "current_pid": number,
            "time_started": 1,
        }
    }
