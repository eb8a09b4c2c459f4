# SPDX-License-Identifier: Apache-2.0
"""What a node needs: forms of bodies, their problems, and the parts that follow."""

import jsonschema

from tests import base
from valence.common import errors
from valence.composition import requirements

WHOLE = {
    "processor": {"total_cores": 16, "model": "Xeon", "architecture": "x86-64"},
    "memory": {"capacity_mib": 3000},
    "storage": [{"count": 2, "capacity_gib": 500, "media": "SSD"}],
    "network": [{"count": 1, "speed_mbps": 1000}],
    "accelerator": [{"count": 4, "type": "GPU", "model": "H100"}],
}


class NormalTest(base.TestCase):
    def test_the_normal_form_stays_as_it_is(self):
        self.assertEqual(WHOLE, requirements.normal(WHOLE))
        self.assertEqual(WHOLE, requirements.normal(requirements.normal(WHOLE)))
        jsonschema.validate(WHOLE, requirements.schema())

    def test_digits_are_numbers_and_single_objects_are_lists(self):
        body = {
            "memory": {"capacity_mib": "3000"},
            "processor": {"total_cores": " 8 "},
            "storage": {"capacity_gib": 10.0, "media": "nvme"},
            "accelerator": {"type": "gpu"},
        }
        expected = {
            "processor": {"total_cores": 8},
            "memory": {"capacity_mib": 3000},
            "storage": [{"count": 1, "capacity_gib": 10, "media": "NVMe"}],
            "accelerator": [{"count": 1, "type": "GPU"}],
        }
        self.assertEqual(expected, requirements.normal(body))
        jsonschema.validate(expected, requirements.schema())

    def test_what_has_no_value_is_absent(self):
        body = {"memory": None, "processor": {"model": "", "total_cores": None}, "storage": []}
        self.assertEqual({}, requirements.normal(body))
        self.assertEqual({}, requirements.normal({}))

    def test_pci_devices_of_the_first_release_are_accelerators_and_drives(self):
        expected = {
            "storage": [{"media": "SSD", "count": 1}],
            "accelerator": [{"model": "A100", "count": 2}, {"type": "GPU", "count": 1}],
        }
        body = {"accelerator": {"model": "A100", "count": 2}, "pci_device": {"type": ["GPU", "ssd"]}}
        self.assertEqual(expected, requirements.normal(body))
        self.assertEqual(
            {"accelerator": [{"type": "FPGA", "count": 1}]},
            requirements.normal({"pci_device": {"type": "FPGA"}}),
        )

    def test_devices_that_join_a_machine_bring_no_processor(self):
        problems = self.problems({"processor": {"total_cores": 1}}, parts=requirements.MANY)
        self.assertEqual(["$.properties.processor"], [problem["path"] for problem in problems])

    def problems(self, body, **more):
        error = self.assertRaises(errors.ValidationFailed, requirements.normal, body, **more)
        for problem in error.problems:
            self.assertEqual({"path", "detail", "hint"}, set(problem))
        return error.problems

    def test_all_problems_are_reported_together_with_their_places(self):
        body = {
            "processor": {"total_cores": "many", "kind": 1, "model": "a\x00b"},
            "memory": [],
            "storage": [{"capacity_gib": 0}, 7, {"count": 65}],
            "network": {"speed_mbps": True, "count": "2x"},
            "accelerator": {"model": "m" * 129, "type": 3},
            "pci_device": {"type": ["GPU", "toaster"], "more": 1},
            "colour": "red",
        }
        paths = [
            "processor.total_cores",
            "processor.kind",
            "processor.model",
            "memory",
            "storage[0].capacity_gib",
            "storage[1]",
            "storage[2].count",
            "network.speed_mbps",
            "network.count",
            "accelerator.model",
            "accelerator.type",
            "pci_device.type[1]",
            "pci_device.more",
            "colour",
        ]
        found = [problem["path"] for problem in self.problems(body)]
        self.assertEqual(sorted(f"$.properties.{path}" for path in paths), sorted(found))

    def test_wrong_values_are_refused(self):
        wrong = [
            None, [], "text", 3, True,
            {"memory": {"capacity_mib": -1}}, {"memory": {"capacity_mib": 2**41}},
            {"memory": {"capacity_mib": 1.5}}, {"memory": {"capacity_mib": "1" * 16}},
            {"memory": {"capacity_mib": "٣"}}, {"memory": {"capacity_mib": [1]}},
            {"processor": {"model": ["a"]}}, {"processor": {"model": "\ud800"}},
            {"storage": [{}] * 17}, {"storage": [{"count": 64}] * 3}, {"pci_device": {"type": ["GPU"] * 17}},
            {"accelerator": [{}] * 9, "pci_device": {"type": ["GPU"] * 8}}, {"pci_device": {"type": 1}},
            {"pci_device": {"type": []}},
            {"pci_device": ["GPU"]}, {"storage": [[]]}, {"storage": [None]}, {"a" * 1000: 1},
        ]  # fmt: skip
        for body in wrong:
            self.assertTrue(self.problems(body), body)


class WantedTest(base.TestCase):
    def test_a_machine_has_one_base_and_a_part_for_each_item(self):
        wanted = requirements.wanted(requirements.normal(WHOLE))
        self.assertEqual(
            ("processor", 16, 3000, "Xeon", ("x86-64", "x86")),
            (
                wanted.base.name,
                wanted.base.size,
                wanted.base.memory_mib,
                wanted.base.model,
                wanted.base.architectures,
            ),
        )
        self.assertEqual(
            [
                requirements.Part("storage/0", "Storage", 500, 2, None, None, ("SSD", "NVMe")),
                requirements.Part("network/0", "Network", 1000),
                requirements.Part("accelerator/0", "Accelerator", 0, 4, "H100", ("GPU",)),
            ],
            list(wanted.parts),
        )

    def test_no_requirements_are_any_machine(self):
        self.assertEqual((requirements.Part("processor", "Compute"), ()), requirements.wanted({})[:2])

    def test_what_joins_a_machine_needs_no_base(self):
        wanted = requirements.wanted({"memory": {"capacity_mib": 64}}, base=False)
        self.assertEqual((None, (), 64), tuple(wanted))

    def test_an_unknown_architecture_is_compared_as_it_is(self):
        wanted = requirements.wanted({"processor": {"architecture": "Elbrus"}})
        self.assertEqual(("Elbrus",), wanted.base.architectures)
