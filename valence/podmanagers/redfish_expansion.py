# SPDX-License-Identifier: Apache-2.0
"""Whether the members of collections can be read with them, by ``$expand`` (DSP0266, section 7.3.1)."""

#: failures in a row after which it is not tried any more
MOST_FAILURES = 3


class Expansion:
    """What is known of ``$expand`` on one service: offered by the root document, proven or disproven by answers."""

    def __init__(self, root):
        features = root.get("ProtocolFeaturesSupported")
        query = features.get("ExpandQuery") if isinstance(features, dict) else None
        offered = isinstance(query, dict) and query.get("NoLinks") in (True, "true")
        levels = offered and query.get("Levels") in (True, "true")
        #: what to append to the URL of a collection; None where it is of no use
        self.query = ("?$expand=.($levels=1)" if levels else "?$expand=.") if offered else None
        self.proven = False
        self._failures = 0

    def saw(self, whole):
        """Take note of an expanded answer whose members were ``whole``, or were bare links."""
        self._failures = 0
        self.proven = self.proven or whole
        if not self.proven:
            self.query = None

    def failed(self):
        """Take note of an answer that failed."""
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self.query = None
