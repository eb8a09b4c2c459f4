# SPDX-License-Identifier: Apache-2.0
"""Values of documents that a site does not want to keep, by patterns of their places."""

import fnmatch
import re

#: what stands in place of a value
HIDDEN = "redacted"


class Redaction:
    """Hides values whose places match a pattern of [processing] redact.

    A place is the names that lead to a value, with dots between: ``inventory.interfaces.mac_address`` is that of
    every interface, ``*.serial`` every one of that name, however deep.
    """

    def __init__(self, patterns):
        whole = "|".join(fnmatch.translate(pattern) for pattern in patterns)
        self._matches = re.compile(whole).match if patterns else None

    def hide(self, document):
        """Return a document without the values; itself if there are no patterns."""
        return self._without(document, "") if self._matches else document

    def _without(self, value, place):
        if place and self._matches(place):
            return HIDDEN
        if isinstance(value, dict):
            start = f"{place}." if place else ""
            return {name: self._without(inner, start + name) for name, inner in value.items()}
        return [self._without(inner, place) for inner in value] if isinstance(value, list) else value
