# SPDX-License-Identifier: Apache-2.0
"""The demo is a site of its own: it refuses what would make it a part of a real one."""

from oslo_config import cfg

from tests import base
from valence.cmd import all_in_one
from valence.cmd import demo
from valence.common import errors
from valence.common.configuration import config


class DemoTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()

    def load(self, text):
        """Return the configuration of a demo that is given a file."""
        file = self.folder / "valence.conf"
        file.write_text(text)
        return config.load(
            ["--config-file", str(file)], "valence-test", conf=cfg.ConfigOpts(), system_files=False
        )

    def test_only_the_command_line_asks_for_it(self):
        self.assertTrue(demo.is_asked_for(["--port", "0", "--demo"]))
        self.assertFalse(demo.is_asked_for(["--config-file", "demo"]))

    def test_a_file_that_names_a_database_a_bus_or_keys_is_refused(self):
        for text in (
            "[database]\nconnection = mysql+pymysql://valence:secret@10.0.0.1/valence\n",
            "[DEFAULT]\ntransport_url = rabbit://10.0.0.1/\n",
            "[secrets]\nkey_file = /etc/valence/keys\n",
        ):
            error = self.assertRaises(errors.DemoRefused, demo.require_own_site, self.load(text))
            self.assertIn("is set in", error.detail)
            self.assertNotIn("secret@", error.detail)

    def test_other_options_may_be_given(self):
        demo.require_own_site(self.load("[sync]\ninterval = 5\n"))

    def test_a_folder_with_the_data_of_another_site_is_refused(self):
        (self.folder / "valence.db").touch()
        self.assertRaises(errors.DemoRefused, demo.mark, self.folder)

    def test_its_own_folder_is_known_again(self):
        demo.mark(self.folder)
        (self.folder / "valence.db").touch()
        demo.mark(self.folder)

    def test_its_folder_is_not_that_of_the_all_in_one(self):
        self.assertNotEqual(
            all_in_one.default_state_dir("valence"), all_in_one.default_state_dir("valence-demo")
        )
