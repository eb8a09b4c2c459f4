# SPDX-License-Identifier: Apache-2.0
"""Indexes on etcd's v2 API, which cannot list a part of a folder: entries are kept together, a page a key.

The table of an index names its pages and the text from which on entries are in each. Pages that have become
too long are divided, empty ones are removed, by the commit that makes them so.
"""

import bisect
import json
import typing

from valence.db.etcd import index

#: most entries of a page
MOST = 128


class Page(typing.NamedTuple):
    """A page, and the text from which on entries are in it."""

    low: str
    name: str


class Table:
    """The pages of one index, in order."""

    def __init__(self, pages: typing.Iterable[Page] = ()) -> None:
        self.pages = [*pages] or [Page("", "0")]

    @classmethod
    def load(cls, text: str | None) -> "Table":
        """Return the table that ``text`` holds; None is that of an empty index."""
        return cls(Page(*each) for each in json.loads(text)) if text else cls()

    def dump(self) -> str:
        """Return the text that holds this table."""
        return dump(self.pages)

    def page_of(self, entry: str) -> Page:
        """Return the page that an entry is in."""
        return self.pages[self._position(entry)]

    def overlapping(self, part: index.Range) -> list[Page]:
        """Return the pages that have entries of a range."""
        end = None if part.high == index.HIGHEST else self._position(part.high) + 1
        return self.pages[self._position(part.low) : end]

    def divided(self, page: Page, entries: list[str], name: str) -> typing.Iterator[tuple[Page, list[str]]]:
        """Yield the pages that ``entries`` need in place of ``page``, with their entries.

        The first keeps its name, further ones have names that begin with ``name``.
        """
        if not entries and len(self.pages) > 1 and page.low:
            return
        number = -(-len(entries) // MOST) or 1
        size = -(-len(entries) // number) or 1
        yield page, entries[:size]
        for start in range(size, len(entries), size):
            yield Page(entries[start], f"{name}-{start // size}"), entries[start : start + size]

    def replace(self, page: Page, new: typing.Iterable[Page]) -> None:
        """Put the pages ``new`` in the place of a page."""
        position = self.pages.index(page)
        self.pages[position : position + 1] = new

    def _position(self, text: str) -> int:
        return max(0, bisect.bisect_right(self.pages, text, key=lambda page: page.low) - 1)


def dump(entries: typing.Sequence[str | Page]) -> str:
    """Return the text that holds the entries of a page."""
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":"))


def change(entries: typing.Iterable[str], changes: dict[str, bool]) -> list[str]:
    """Return the sorted entries with ``changes``: True adds an entry, False removes it."""
    removed = {entry for entry, is_added in changes.items() if not is_added}
    added = {entry for entry, is_added in changes.items() if is_added}
    return sorted({*entries, *added} - removed)
