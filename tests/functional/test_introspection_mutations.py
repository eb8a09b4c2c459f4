# SPDX-License-Identifier: Apache-2.0
"""Documents that no ramdisk sends: whatever comes is taken or refused, and no answer tells of Valence's inside."""

import collections
import json
import random
import re

import hypothesis
from hypothesis import strategies

from tests.unit.api.introspection import case
from valence.common import context
from valence.conductor.introspection import states
from valence.db import models

#: documents that are sent; 1,000 take a minute of CPU
EXAMPLES = 200
ODD = (
    None, True, False, 0, -1, 2**63, 10**40, 1.5e300, "", " ", "\0", "\ud800", "ä" * 300, "x" * 5000, [], {},
    [[]], [None], [{}], {"": ""}, {"\0": "\0"}, "'; DROP TABLE introspections; --", "52:54:00:12:34:56", "::",
    [[1, "zz"], [127, ""], [8, "ff"]], {"eth0": [[1, "04"]]}, "01-52-54-00-12-34-56", "../../etc/passwd",
)  # fmt: skip
INSIDE = re.compile(r"select |insert |traceback|sqlalchemy|sqlite|\.py\b|password|secret", re.IGNORECASE)


#: rules that look at places which mutations hit, and that cannot always do what they say
RULES = [
    {
        "conditions": [{"op": op, "field": field, "value": value, "multiple": multiple}],
        "actions": [{"action": "extend-attribute", "path": "/seen", "value": f"{op} {{data[{field}]}}"}],
    }
    for op, field, value, multiple in (
        ("ge", "cpus", 1, "any"),
        ("eq", "memory_mb", 4096.5, "all"),
        ("in-net", "ipmi_address", "10.0.0.0/8", "first"),
        ("matches", "boot_interface", "01-.*", "any"),
    )
] + [
    {
        "conditions": [{"op": "contains", "field": "inventory.*[*].name", "value": "e.*0", "invert": True}],
        "actions": [{"action": "set-capability", "name": "boot", "value": "{data[inventory][boot]}"}],
    },
    {
        "conditions": [{"op": "is-empty", "field": "inventory.disks[*].*", "multiple": "all"}],
        "actions": [{"action": "fail", "message": "no disk is known"}],
    },
]


def mutate(document, chance):
    """Change one to four values, somewhere in a document."""
    for _ in range(chance.randint(1, 4)):
        holder, key = chance.choice(list(places(document)))
        change = chance.randrange(4)
        if change == 0:
            del holder[key]
        elif change == 1 and isinstance(holder, list):
            holder.append(chance.choice(ODD))
        elif change == 2 and isinstance(holder, dict):
            holder[chance.choice(("", "\0", key.upper(), "x" * 300))] = holder.pop(key)
        else:
            holder[key] = chance.choice(ODD)
        if not document:
            break
    return document


def places(value, depth=0):
    """Yield every (holder, key) of a document, those near its root again and again: they matter most."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from [(value, key)] * max(1, 20 - 8 * depth)
        yield from places(value[key], depth + 1)


def spoil(text, chance):
    """Change bytes of a JSON text."""
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(data))
        data[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    return bytes(data[: chance.randint(0, len(data))] if chance.random() < 0.2 else data)


class MutationTest(case.IntrospectionCase):
    options = {"processing__documents_per_minute": 1_000_000}
    time_limit = 300

    def setUp(self):
        super().setUp()
        self.records = states.Introspections(self.conf, self.backend.store)
        self.context = context.RequestContext(overwrite=False)
        self.lease = self.backend.store.lease("test", "test", 600)
        self.statuses = collections.Counter()

    def expect(self):
        """Let a ramdisk be waited for."""
        row = self.records.begin(self.context, self.records.machine(self.uuid), False)
        self.records.expect(row, {"serial": ["ser-1"], "mac": [self.mac]}, self.lease)

    def hand_over(self, path, data):
        response = self.call("POST", path, data=data)
        self.statuses[response.status_code] += 1
        self.assertLess(response.status_code, 500, (response.text, data[:500]))
        if response.status_code >= 400:
            self.assertIsNone(
                INSIDE.search(re.sub(r"drop table introspections", "", response.text)), response.text
            )
            self.assertEqual(["error"], list(response.json))
        return response

    def check(self, size, number):
        for rule in RULES:
            self.assertEqual(201, self.call("POST", "/v1/rules", json=rule).status_code)
        sample = json.dumps(self.document(size))
        self.mac = self.document(size)["inventory"]["interfaces"][0]["mac_address"]

        @hypothesis.given(seed=strategies.integers(0, 2**32))
        @hypothesis.settings(max_examples=number, derandomize=True, database=None, deadline=None)
        def run(seed):
            chance = random.Random(seed)
            text = json.dumps(mutate(json.loads(sample), chance))
            data = spoil(text, chance) if chance.random() < 0.3 else text.encode()
            self.expect()
            if self.hand_over("/v1/continue", data).status_code == 200:
                self.assertEqual(200, self.one("GET", "/data").status_code)
                self.hand_over(f"/v1/introspection/{self.uuid}/data/unprocessed", data)

        run()

    def test_documents_of_each_size(self):
        for size, share in (("small", 0.7), ("medium", 0.27), ("large", 0.03)):
            self.check(size, int(EXAMPLES * share))
        self.assertGreater(self.statuses[200], 50, self.statuses)
        self.assertGreater(self.statuses[400], 50, self.statuses)
        states = {row.state for row in self.backend.store.list(models.Introspection)}
        self.assertLessEqual(states, {"finished", "error", "waiting"})

    def test_depth_and_size(self):
        self.mac = "52:54:00:00:00:01"
        self.expect()
        for data in (
            b"[" * 10_000_000,
            b'{"a":' * 200_000,
            b"[]" * 100_000,
            b"\xff" * 1000,
            b'"' * 1000,
            b'"\\',
        ):
            self.assertEqual(400, self.hand_over("/v1/continue", data).status_code)
        large = b'{"a": "%s"}' % (b"x" * (self.conf.processing.max_body_kib * 1024))
        self.assertEqual(413, self.hand_over("/v1/continue", large).status_code)
