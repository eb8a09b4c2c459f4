# SPDX-License-Identifier: Apache-2.0
"""What may go wrong between a store and etcd; each API's client translates its library's errors into these."""


class Lost(Exception):
    """etcd cannot be reached, has no leader, or did not answer: whether it did what was asked is not known."""


class Stale(Exception):
    """A snapshot cannot be read to its end: it was compacted, or changed where the API keeps no history."""


class Locked(Exception):
    """The session that was signed in is over."""
