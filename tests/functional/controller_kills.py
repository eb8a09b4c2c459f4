# SPDX-License-Identifier: Apache-2.0
"""Kills the example of a controller at one point after the other: ``python -m tests.functional.controller_kills``.

It reads claims from standard input, one a line: ``[endpoint, file of the claim, point or null]``. For each it runs the
controller until it dies at that point, or until the claim has what it wants, and prints the points that it came by. A
point is a change of the status or a request, after it was done; ``begin`` is before the first of them. A child process
runs each claim, so that modules are imported once.
"""

import importlib.util
import json
import os
import pathlib
import signal
import sys
import traceback

from valence import client
from valence.client import rack

EXAMPLE = pathlib.Path(__file__).parents[2] / "doc/source/examples/accelerator_controller.py"


def load():
    """Return the module of the example."""
    spec = importlib.util.spec_from_file_location("accelerator_controller", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(controller, endpoint, file, point, pipe):
    """Run the controller; write each point to ``pipe``, and die by SIGKILL at ``point``."""
    counts = {}

    def reach(name):
        counts[name] = counts.get(name, 0) + 1
        reached = f"{name} {counts[name]}"
        os.write(pipe, f"{reached}\n".encode())
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(function, name_of):
        def wrapped(self, *arguments, **keywords):
            result = function(self, *arguments, **keywords)
            reach(name_of(*arguments))
            return result

        return wrapped

    # How often an operation is polled depends on the speed of the machine: all polls are one point.
    polls = rack.Rack.wait_for_operation
    rack.Rack.wait_for_operation = after(polls, lambda *_: "wait")
    call = rack.Rack.call
    sent = after(call, lambda method, url: f"{method} {url.rpartition('/')[2]}")
    rack.Rack.call = lambda self, method, url, **keywords: (
        call if "/operations/" in url else sent
    )(self, method, url, **keywords)  # fmt: skip
    controller.Claim.update = after(controller.Claim.update, lambda: "update")
    reach("begin")
    sys.argv = ["controller", "--endpoint", endpoint, "--once", file]
    controller.main()


def main():
    controller = load()
    client.connect("http://127.0.0.1:1")  # it imports what the children need
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            try:
                run(controller, *json.loads(line), writer)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as points:
            reached = points.read().splitlines()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"status": status, "points": reached}), flush=True)


if __name__ == "__main__":
    main()
