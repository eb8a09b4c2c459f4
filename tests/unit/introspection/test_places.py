# SPDX-License-Identifier: Apache-2.0
"""Places in documents, as rules name them."""

from tests import base
from valence.introspection import places

DOCUMENT = {
    "memory_mb": 4096,
    "root_disk": {"size": 100},
    "inventory": {"interfaces": [{"mac": "a"}, {"mac": "b"}, {}]},
    "all_interfaces": {"eth0": {"ip": "1"}, "eth1": {"ip": "2"}},
    "extra": {"a.b": [[1, 2]]},
}


class PlacesTest(base.TestCase):
    def test_values(self):
        for path, expected in {
            "memory_mb": [4096],
            "$.memory_mb": [4096],
            "root_disk.size": [100],
            "root_disk.serial": [],
            "inventory.interfaces[*].mac": ["a", "b"],
            "inventory.interfaces[1].mac": ["b"],
            "inventory.interfaces[7].mac": [],
            "inventory.interfaces.mac": [],
            "all_interfaces.*.ip": ["1", "2"],
            "extra['a.b'][0][1]": [2],
            'extra["a.b"][*][*]': [1, 2],
            "memory_mb.x[0].*": [],
            "inventory[*].*.mac": ["a", "b"],
        }.items():
            self.assertEqual(expected, places.values(DOCUMENT, places.parse(path)), path)

    def test_what_is_no_path(self):
        for path in (
            "",
            "$",
            ".",
            "a..b",
            "a.",
            "[",
            "a[",
            "a[x]",
            "a[-1]",
            "a b",
            "..a",
            "a[?(@.b)]",
            "a['b'",
            "a]b",
        ):
            self.assertRaises(ValueError, places.parse, path)
