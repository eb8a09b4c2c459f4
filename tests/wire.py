# SPDX-License-Identifier: Apache-2.0
"""What crosses the bus between an API and a conductor, as recorded with a version and replayed to later ones.

``python -m tests.wire tests/data/wire/NAME.json`` records what the present version says.
"""

import json
import pathlib
import re
import sys
import time

from tests import clock
from tests import embedded
from tests import message_bus
from valence.common import errors

RECORDS = pathlib.Path(__file__).parent / "data" / "wire"
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: models that an API reads, with an order in which the first rows are of a kind each time
MODELS = {"PodManager": (), "ResourceWithState": (), "Operation": (), "Event": [["sequence", False]]}


class Tap:
    """Records what a conductor's server is asked and answers, as it is on the wire."""

    def __init__(self, dispatcher):
        self._dispatcher, self.exchanges = dispatcher, []

    def __getattr__(self, name):
        return getattr(self._dispatcher, name)

    def dispatch(self, incoming):
        """Pass a call on."""
        asked = {"context": incoming.ctxt, "message": incoming.message}
        asked = json.loads(json.dumps(asked))
        try:
            answer = self._dispatcher.dispatch(incoming)
        except Exception as error:
            raised = error.exc_info[1]
            self.exchanges.append(asked | {"error": type(raised).__name__, "kwargs": raised.kwargs})
            raise
        self.exchanges.append(asked | {"answer": answer})
        return answer


class Recording(embedded.Conductor):
    """A conductor whose calls are recorded, and a simulated pod."""

    def _setUp(self):
        super()._setUp()
        self.pod = self.useFixture(embedded.Pod(systems=1)).simulator
        server = self.service._server._server
        self.tap = server.dispatcher = Tap(server.dispatcher)


def play(conductor, pod, database):
    """Ask a conductor for everything that an API asks for."""
    context = message_bus.user_context()
    access = {"url": f"{pod.url}/redfish/v1", "username": "admin", "password": "password"}
    once = {"key": "k", "request": "r"}
    made = conductor.pod_managers.create(context, {"name": "pod"} | access, idempotency=once)
    uuid = made["pod_manager"]["uuid"]
    _wait(lambda: len(database.resources("System")) == 1)
    conductor.pod_managers.update(context, uuid, {"description": "new"})
    conductor.pod_managers.sync(context, uuid, idempotency={"key": "other", "request": "r"})
    _wait(lambda: len(database.events("pod_manager.sync.end")) == 2)
    for model, sort in MODELS.items():
        _read(conductor.records, context, model, sort)
    conductor.resources.details(context, [database.resources("System")[0].uuid])
    conductor.status.ping(context)
    for refused in (lambda: conductor.records.get(context, "PodManager", "none"),
                    lambda: conductor.pod_managers.update(context, uuid, {"name": "x"}, revision=99)):  # fmt: skip
        _refused(refused)
    conductor.pod_managers.delete(context, uuid, force=True)


def _read(records, context, model, sort):
    rows = json.loads(records.list(context, model, sort=sort, limit=2)["rows"])
    records.get(context, model, rows[0]["uuid"])
    records.count(context, model, filters=[["uuid", "neq", rows[0]["uuid"]]])


def _refused(call):
    try:
        call()
    except errors.ValenceError:
        return
    raise AssertionError("it was not refused")


def _wait(predicate, seconds=20):
    deadline = clock.seconds() + clock.SLOWEST * seconds
    while not predicate():
        if clock.seconds() > deadline:
            raise AssertionError("the conductor did not do its work")
        time.sleep(0.05)


def counterparts(old, new):
    """Return what stands in ``new`` where ``old`` has a UUID, ``{old: new}``."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(value, new[name]) for name, value in old.items() if name in new]
    elif isinstance(old, list) and isinstance(new, list):
        pairs = list(zip(old, new, strict=False))
    else:
        return {old: new} if isinstance(old, str) and UUID.fullmatch(old) else {}
    return {name: value for pair in pairs for name, value in counterparts(*pair).items()}


def lacking(old, new, path="$"):
    """Return the places at which ``new`` lacks what a reader of ``old`` relies on."""
    if isinstance(old, dict) and isinstance(new, dict):
        lost = [f"{path}.{name}" for name in old.keys() - new.keys() if not UUID.fullmatch(name)]
        shared = [(old[name], new[name], f"{path}.{name}") for name in old.keys() & new.keys()]
        return lost + [place for each in shared for place in lacking(*each)]
    if isinstance(old, list) and isinstance(new, list):
        return [place for each in zip(old, new, strict=False) for place in lacking(*each, f"{path}[]")]
    return [] if old is None or new is None or type(old) is type(new) else [path]


def main(path):
    """Record."""
    with Recording() as recording:
        play(recording.client, recording.pod, recording.database)
        wanted = [each for each in recording.tap.exchanges if each["message"]["method"] not in ("ring",)]
    pathlib.Path(path).write_text(json.dumps(_without_pings(wanted), indent=1) + "\n")


def _without_pings(exchanges):
    """Return the exchanges with one ping: how many there are is chance."""
    first = next(each for each in exchanges if each["message"]["method"] == "ping")
    return [each for each in exchanges if each["message"]["method"] != "ping"] + [first]


if __name__ == "__main__":
    main(*sys.argv[1:])
