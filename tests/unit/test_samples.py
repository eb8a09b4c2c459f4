# SPDX-License-Identifier: Apache-2.0
"""The samples in etc/valence are what their generators print now; 'make samples' makes them so."""

import pathlib
import subprocess
import sys

from tests import base

ROOT = pathlib.Path(__file__).parents[2]
SAMPLES = ROOT / "etc" / "valence"


class SampleTest(base.TestCase):
    def assert_current(self, generator, settings, sample):
        made = self.make_folder() / sample
        program = pathlib.Path(sys.executable).with_name(generator)
        command = [program, "--config-file", SAMPLES / settings, "--output-file", made]
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(made.read_text(), (SAMPLES / sample).read_text(), "run 'make samples'")

    def test_the_sample_configuration_is_current(self):
        self.assert_current("oslo-config-generator", "config-generator.conf", "valence.conf.sample")

    def test_the_sample_policy_is_current(self):
        self.assert_current("oslopolicy-sample-generator", "policy-generator.conf", "policy.yaml.sample")
