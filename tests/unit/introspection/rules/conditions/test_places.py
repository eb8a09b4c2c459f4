# SPDX-License-Identifier: Apache-2.0
"""Places in documents, as rules name them."""

from tests import base
from valence.introspection.rules import conditions

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
            "extra.'a.b'[0][1]": [2],
            "memory_mb.x[0].*": [],
            "inventory[*].interfaces[*].mac": ["a", "b"],
            "inventory.interfaces.*": [],
            "inventory.interfaces[:1].mac": ["a"],
            "inventory.interfaces[1:].mac": ["b"],
            "memory_mb[*]": [4096],
            "all_interfaces[eth0][ip]": ["1"],
            "inventory..mac": ["a", "b"],
            "$..'a.b'[0][0]": [1],
            "all_interfaces..*": [{"ip": "1"}, {"ip": "2"}, "1", "2"],
            "extra.'a.b'[0:]": [[1, 2]],
        }.items():
            self.assertEqual(expected, conditions.values(DOCUMENT, conditions.parse(path)), path)

    def test_what_is_no_path(self):
        for path in (
            "",
            "$",
            ".",
            "a...b",
            "a..",
            "a..b..c..d",
            "$a",
            ".a",
            "a.",
            "[",
            "a[",
            "a[x y]",
            "a[-1]",
            "a b",
            "..a",
            "a[?(@.b)]",
            "a['b'",
            "a]b",
        ):
            self.assertRaises(ValueError, conditions.parse, path)
