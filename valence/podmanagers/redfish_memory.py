# SPDX-License-Identifier: Apache-2.0
"""What the documents of a Redfish service told, kept from one crawl to the next.

A document that has the same bytes tells the same: it need not be taken apart again, which is most of the work of a
crawl in which nothing changed. Unlike an ETag, which some services keep when a document changes, this cannot be wrong.
"""

import typing


class Known(typing.NamedTuple):
    """What a document told, the digest of its bytes, and the ETag of the answer."""

    digest: bytes
    told: typing.Any
    etag: str | None = None


class Memory:
    """What is known by key; safe in several threads. ``forget_unused`` bounds it to what the service still has."""

    def __init__(self):
        self._before, self._now = {}, {}

    def __len__(self):
        return len(self._before.keys() | self._now.keys())

    def recall(self, key):
        """Return the Known of a key, None where there is none."""
        known = self._now.get(key) or self._before.get(key)
        if known is not None:
            self._now[key] = known
        return known

    def keep(self, key, digest, told, etag=None):
        """Know from now on what a document told."""
        self._now[key] = Known(digest, told, etag)

    def forget_unused(self):
        """Forget whatever was neither recalled nor kept since the last time."""
        self._before, self._now = self._now, {}
