# SPDX-License-Identifier: Apache-2.0
"""What a table of routes is made of."""

import typing


class Route(typing.NamedTuple):
    """One method of one URL: ``handler(call, **variables of the URL)`` returns the response."""

    method: str
    url: str
    handler: typing.Callable
    name: str
    persona: str

    @property
    def rule(self):
        """The name of its rule in the policy."""
        return f"valence:{self.name}"

    @property
    def summary(self):
        """What it does, in a sentence."""
        return getattr(self.handler, "summary", None) or self.handler.__doc__.partition("\n")[0]
