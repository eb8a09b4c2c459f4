# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on purpose: chosen by the seed, asked for by ``options.Faults``."""

import random
import re

from valence.simulator import redfish

KINDS = ("error", "cut", "truncate", "html", "hang")


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


def expression(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
