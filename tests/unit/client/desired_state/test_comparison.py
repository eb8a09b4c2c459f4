# SPDX-License-Identifier: Apache-2.0
"""Whether what a file says is what the API stores of it."""

from tests import base
from valence.client.desired_state import comparison
from valence.composition import requirements
from valence.db import models
from valence.db import types
from valence.podmanagers.redfish import urls

PROPERTIES = models.Flavor.fields["properties"]
URL = models.PodManager.fields["url"]


class RequirementsTest(base.TestCase):
    def assert_same(self, wanted):
        """What the API makes of requirements is the same as these."""
        self.assertTrue(comparison.is_same(PROPERTIES, wanted, requirements.normal(wanted)), wanted)

    def test_a_body_is_the_same_as_its_normal_form(self):
        self.assert_same({})
        self.assert_same({"processor": {"total_cores": "16", "model": " Xeon "}, "memory": None})
        self.assert_same({"storage": {"capacity_gib": 100.0}})
        self.assert_same({"storage": [{"media": "nvme", "count": "2"}, {"media": "HDD"}], "network": []})
        self.assert_same({"accelerator": [{"type": "gpu", "model": ""}], "processor": {}})
        for name in ("storage", "network", "accelerator"):
            self.assert_same({name: {}})
            self.assert_same({name: [{}, {"count": "003"}]})
        self.assert_same({"pci_device": {"type": ["GPU", "nvme"]}, "accelerator": {"type": "FPGA"}})
        self.assert_same({"pci_device": {"type": "SSD"}, "storage": []})
        self.assert_same({"pci_device": {"type": None}})
        self.assert_same({"processor": {"total_cores": "008", "model": " "}})

    def test_what_differs(self):
        actual = requirements.normal({"processor": {"total_cores": 16}, "storage": [{"count": 2}]})
        for wanted in (
            None,
            {"processor": {"total_cores": 16}},
            {"processor": {"total_cores": 16}, "storage": [{}]},
            {"processor": {"total_cores": 17}, "storage": [{"count": 2}]},
            {"processor": {"total_cores": 16}, "storage": [{"count": 2}, {"count": 2}]},
            {"processor": {"total_cores": 16, "model": "x"}, "storage": {"count": 2}},
            {"processor": 16, "storage": {"count": 2}},
            {"processor": {"total_cores": 16}, "storage": 2},
            {"processor": {"total_cores": 16}, "pci_device": {"type": ["SSD", "SSD"]}},
            {"processor": {"total_cores": 16}, "storage": {"count": 2}, "pci_device": 7},
        ):
            self.assertFalse(comparison.is_same(PROPERTIES, wanted, actual), wanted)


class TextTest(base.TestCase):
    def test_spellings_of_a_url(self):
        stored = "https://host.example/redfish/v1"
        for wanted in ("https://HOST.example:443/redfish/v1/", "https://host.example", stored):
            self.assertTrue(comparison.is_same(URL, wanted, stored), wanted)
        for wanted in (
            "http://host.example",
            "https://host.example:8443",
            "https://other",
            "https://host.example/x",
        ):
            self.assertFalse(comparison.is_same(URL, wanted, stored), wanted)

    def test_a_url_is_the_same_as_its_canonical_form(self):
        for wanted in (
            "http://h:5//redfish",
            "http://h:5/%7Euser/",
            "http://h:5/a//b/../c",
            "http://127.1",
            "http://h./",
            "http://[0::1]:80/",
            "http://[::ffff:10.0.0.7]/redfish/v1//",
        ):
            self.assertTrue(comparison.is_same(URL, wanted, urls.canonical(wanted)), wanted)

    def test_a_url_that_is_none_differs(self):
        self.assertFalse(comparison.is_same(URL, "https://host:port/", "https://host"))

    def test_other_text_is_compared_as_it_is(self):
        self.assertFalse(comparison.is_same(types.Text(), "a", "A"))
        self.assertTrue(comparison.is_same(types.Boolean(), False, False))
