# SPDX-License-Identifier: Apache-2.0
"""Names and numbers of hardware that follow from a seed, so that they are the same after a restart."""

import hashlib
import uuid


class Identity:
    """Answer the same for the same ``seed`` and the same ``names`` of a piece of hardware, always."""

    def __init__(self, seed):
        self._seed = seed

    def uuid(self, *names):
        return str(uuid.UUID(bytes=self._digest("uuid", names), version=4))

    def serial(self, *names):
        return self._digest("serial", names).hex()[:12].upper()

    def mac(self, *names):
        # 02: locally administered, unicast
        return ":".join(["02", *(f"{byte:02X}" for byte in self._digest("mac", names)[:5])])

    def choose(self, values, *names):
        return values[self._number(names) % len(values)]

    def share(self, *names):
        """Return a number from 0 to below 1."""
        return self._number(names) / 2**32

    def _number(self, names):
        return int.from_bytes(self._digest("number", names)[:4], "big")

    def _digest(self, purpose, names):
        text = "/".join(map(str, (self._seed, purpose, *names)))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()
