# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on purpose: chosen by the seed, asked for by ``options.Faults``, or held at a gate.

A gate holds chosen requests, so that a test knows how far a client is without measuring time.
"""

import asyncio
import random
import re

from valence.simulator import redfish

KINDS = ("error", "cut", "truncate", "html", "hang")
#: methods of the requests that a gate can hold
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
#: which part of a held request waits for the gate to open -> what happens to it when its client goes away
WHEN = {
    "before": "the request is not done",
    "late": "the request is done when the gate opens",
    "after": "the request was done, the answer is lost",
}


class Faults:
    """Draws faults at the rates of ``options``; the same seed and requests draw the same ones."""

    def __init__(self, options, identity, seed):
        self.options = options
        self._paths = expression(options.fault_paths)
        self._identity = identity
        self._random = random.Random(f"{seed}/faults")
        self._composing = random.Random(f"{seed}/faults of compositions")
        self._rates = [(kind, rate) for kind in KINDS if (rate := getattr(options, f"{kind}_rate"))]

    def draw(self, path):
        """Return the kind of fault that befalls this request, or None."""
        if not self._rates or not self._paths.search(path):
            return None
        return next((kind for kind, rate in self._rates if self._random.random() < rate), None)

    def hits(self, name, path):
        """Say whether the fault with this rate, one of those of compositions, befalls a request."""
        rate = getattr(self.options, name)
        return bool(rate) and bool(self._paths.search(path)) and self._composing.random() < rate

    def is_stale(self, block_id):
        """Say whether a resource block always calls itself Unused."""
        rate = self.options.stale_state_rate
        return bool(rate) and self._identity.share("stale", block_id) < rate

    def error(self):
        """Return the error of an overloaded (503, with Retry-After) or a broken (500) service."""
        if self._random.random() < 0.5:
            return redfish.RedfishError(
                500, "InternalError", "The request failed due to an internal service error."
            )
        text = "The service is temporarily unavailable. Retry later."
        return redfish.RedfishError(
            503, "ServiceTemporarilyUnavailable", text, Retry_After=str(self.options.retry_after)
        )

    def is_dead(self, path):
        """Say whether a resource is linked only: never so for the root and what stands right below it."""
        rate = self.options.dead_rate
        if not rate or path.count("/") <= redfish.ROOT.count("/") + 1 or not self._paths.search(path):
            return False
        return self._identity.share("dead", path) < rate

    def dead(self, path):
        """Return the error that a dead resource answers, always the same."""
        if self._identity.choose((404, 501), "dead status", path) == 404:
            return redfish.missing(path)
        return redfish.RedfishError(501, "ActionNotSupported", f"{path} is not implemented.")


class Gate:
    """Holds the requests of one method whose paths contain a regular expression, until it opens."""

    def __init__(self):
        self._method = self._path = self._when = None
        self._opened = asyncio.Event()
        self._held = []
        self._late = set()
        self._waiting = 0

    def close(self, method, path, when="before"):
        """Hold requests from now on; those that an earlier gate held go on. Raise ValueError for what never holds."""
        compiled = expression(path)
        if method not in METHODS:
            raise ValueError(f"method cannot be {method!r}: one of {', '.join(METHODS)}")
        if re.match(r"\^\w", path):
            raise ValueError(f"path {path!r} matches nothing: paths begin with /")
        if when not in WHEN:
            raise ValueError(f"when cannot be {when!r}: one of {', '.join(WHEN)}")
        self.open()
        self._method, self._path, self._when = method, compiled, when
        self._opened = asyncio.Event()

    def open(self):
        """Hold nothing any more."""
        self._opened.set()
        self._method, self._held = None, []

    def state(self):
        """Return whether the gate is closed, the paths of the requests that it has held, and how many wait now."""
        return {"closed": self._method is not None, "held": list(self._held), "waiting": self._waiting}

    async def run(self, request, path, answer):
        """Return what ``answer()``, a coroutine function, returns; hold the request before where that is wanted."""
        if not self._holds(request.method, path, "before", "late"):
            return await answer()
        if self._when == "before":
            await self._wait(path)
            return await answer()
        await request.read()  # later, the client may be gone, and the body with it
        task = asyncio.ensure_future(self._answer_late(path, answer))
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return await asyncio.shield(task)

    async def pass_done(self, method, path):
        """Hold the answer to a request that was done where that is wanted."""
        if self._holds(method, path, "after"):
            await self._wait(path)

    async def _answer_late(self, path, answer):
        await self._wait(path)
        return await answer()

    async def _wait(self, path):
        opened = self._opened
        self._held.append(path)
        self._waiting += 1
        try:
            await opened.wait()
        finally:
            self._waiting -= 1

    def _holds(self, method, path, *when):
        return self._method == method and self._when in when and bool(self._path.search(path))


def expression(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
