# SPDX-License-Identifier: Apache-2.0
"""The hook ``extra``: what the extra-hardware collector sends as rows, as one nested object."""

from valence.introspection import document as documents
from valence.introspection import hook

WIDTH = 4


class ExtraHardware(hook.Hook):
    """Turns ``data``, rows of section, item, key and value, into ``extra[section][item][key]``."""

    def before(self, document):
        rows = document.pop("data", None)
        if not isinstance(rows, list):
            return
        extra = {}
        for row in rows:
            if isinstance(row, list) and len(row) == WIDTH and all(isinstance(part, str) for part in row[:3]):
                section, item, key, value = row
                extra.setdefault(section, {}).setdefault(item, {})[key] = _typed(value)
        document["extra"] = extra


def _typed(value):
    """Return a text that is a whole number as that number."""
    is_number = isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit()
    return documents.number(value) if is_number and len(value) < 19 else value
