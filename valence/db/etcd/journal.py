# SPDX-License-Identifier: Apache-2.0
"""The journal of a commit that is too large for one write of etcd: what remains to be written, in parts.

The head names the journal in the very write that decides the commit. From then on anybody can write the rest.
"""

import itertools
import json

#: most characters of a part
PART = 250_000


def parts_of(operations):
    """Yield the JSON texts of the parts that hold all operations, which are lists whose second item is a text."""
    part, size = [], 0
    for operation in operations:
        length = len(operation[0]) + len(operation[1] or "")
        if part and size + length > PART:
            yield dump(part)
            part, size = [], 0
        part.append(operation)
        size += length
    yield dump(part)


def dump(part):
    """Return the JSON text of one part."""
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def portions(operations, most, size):
    """Yield lists of at most ``most`` operations of ``size`` characters together, or one that has more."""
    portion, total = [], 0
    for operation in operations:
        length = len(operation[0]) + len(operation[1] or "")
        if portion and (len(portion) == most or total + length > size):
            yield portion
            portion, total = [], 0
        portion.append(operation)
        total += length
    if portion:
        yield portion


def join(texts):
    """Return the operations of all parts."""
    return list(itertools.chain.from_iterable(map(json.loads, texts)))
