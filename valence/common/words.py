# SPDX-License-Identifier: Apache-2.0
"""Words of messages that depend on a number."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts: "1 part", "2 parts"; ``many`` where the plural is not ``one`` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
