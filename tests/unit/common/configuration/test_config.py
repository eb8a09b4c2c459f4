# SPDX-License-Identifier: Apache-2.0
"""What is said of configuration files before they are taken."""

from oslo_config import cfg

from tests import base
from valence.common import errors
from valence.common.configuration import config


class CheckTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.file = self.make_folder() / "valence.conf"
        self.conf = cfg.ConfigOpts()
        config.register(self.conf)
        self.write("[sync]\ninterval = 5\n")
        self.conf([], "valence", default_config_files=[str(self.file)])

    def write(self, text):
        self.file.write_text(text)

    def test_good_values_pass(self):
        self.write("[sync]\ninterval = 7\n[DEFAULT]\ndebug = true\n")
        config.check(self.conf)
        self.assertEqual(5, self.conf.sync.interval)

    def test_invalid_values_of_what_can_be_changed_do_not(self):
        for broken in ("[sync]\ninterval = 0\n", "[sync]\nbatch = many\n", "[DEFAULT]\ndebug = perhaps\n"):
            self.write(broken)
            self.assertRaises(errors.ConfigurationInvalid, config.check, self.conf)

    def test_files_that_cannot_be_read_do_not(self):
        self.write("[sync\n")
        self.assertRaises(errors.ConfigurationInvalid, config.check, self.conf)
        self.file.unlink()
        self.assertRaises(errors.ConfigurationInvalid, config.check, self.conf)
