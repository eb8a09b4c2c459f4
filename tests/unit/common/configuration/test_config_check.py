# SPDX-License-Identifier: Apache-2.0
"""What is said of configuration files before a process uses them: wrong values, and names that do not exist."""

import pathlib

from oslo_config import cfg

from tests import base
from valence.common import errors
from valence.common.configuration import config
from valence.common.configuration import config_check

GENERATOR = pathlib.Path(__file__).parents[4] / "etc/valence/config-generator.conf"


class CheckTest(base.TestCase):
    def check(self, text):
        """Return the warnings about a file."""
        self.file = self.make_folder() / "valence.conf"
        self.file.write_text(text)
        return config_check.check([str(self.file)], config.GROUPS.items())

    def problem(self, text):
        """Return detail and hint of the only problem with a file."""
        [problem] = self.assertRaises(errors.ConfigurationInvalid, self.check, text).problems
        return problem["detail"], problem["hint"]

    def test_a_good_file_has_no_warning(self):
        text = """
            [DEFAULT]
            debug = true
            transport_url = rabbit://guest:guest@127.0.0.1/
            [sync]
            interval = 5
            [database]
            connection = mysql+pymysql://u:p@h/d
            [oslo_messaging_rabbit]
            heartbeat_rate = 3
        """
        self.assertEqual([], self.check(text.replace("            ", "")))

    def test_a_wrong_value_is_told_with_file_section_option_and_what_is_allowed(self):
        detail, hint = self.problem("[sync]\ninterval = abc\n")
        self.assertIn(f"{self.file}: [sync] interval: 'abc' is not valid", detail)
        self.assertEqual("Allowed is an integer value, at least 1.", hint)

    def test_options_of_libraries_are_checked_too(self):
        detail, _ = self.problem("[database]\nmax_pool_size = many\n")
        self.assertIn("[database] max_pool_size: 'many'", detail)
        detail, hint = self.problem("[DEFAULT]\ndebug = perhaps\n")
        self.assertIn("[DEFAULT] debug: 'perhaps'", detail)
        self.assertEqual("Allowed is true or false.", hint)

    def test_all_wrong_values_are_told_together(self):
        text = "[sync]\nbatch = 0\n[DEFAULT]\nauth_strategy = none\n[api]\nport = 99999\n"
        error = self.assertRaises(errors.ConfigurationInvalid, self.check, text)
        self.assertEqual(3, len(error.problems))
        self.assertIn("one of keystone, http_basic, noauth", error.problems[1]["hint"])

    def test_a_misspelt_option_is_told_with_the_one_that_was_meant(self):
        [warning] = self.check("[sync]\nintervall = 5\n")
        self.assertEqual(
            f"{self.file}: [sync] intervall: there is no such option; did you mean interval?", warning
        )

    def test_a_misspelt_option_of_a_library_too(self):
        [warning] = self.check("[oslo_messaging_rabbit]\nheartbeat_timeout_treshold = 5\n")
        self.assertIn("did you mean heartbeat_timeout_threshold?", warning)

    def test_an_option_in_the_wrong_section_is_told_with_the_right_one(self):
        [warning] = self.check("[DEFAULT]\noffline_after = 5\n")
        self.assertIn("did you mean [sync] offline_after?", warning)

    def test_a_deprecated_name_is_reported_with_the_present_one(self):
        [warning] = self.check("[DEFAULT]\nlogdir = /var/log/valence\n")
        self.assertEqual(
            f"{self.file}: [DEFAULT] logdir: this name is deprecated; the option is [DEFAULT] log_dir now",
            warning,
        )

    def test_an_option_that_will_be_removed_is_reported(self):
        [warning] = self.check("[oslo_messaging_rabbit]\ndirect_mandatory_flag = true\n")
        self.assertIn("[oslo_messaging_rabbit] direct_mandatory_flag: this option is deprecated", warning)

    def test_problems_and_warnings_of_several_files_are_reported_together(self):
        folder = self.make_folder()
        wrong, good = folder / "wrong.conf", folder / "good.conf"
        wrong.write_text("interval = 5\n")
        good.write_text("[sync]\ninterval = 0\nintervall = 5\n")
        examined = config.examine([str(wrong), str(good)])
        self.assertEqual([str(wrong), None], [each.get("path") for each in examined.problems])
        self.assertEqual(["option"], [each.kind for each in examined.warnings])
        self.assertEqual(["interval", "intervall"], [given.name for given, _ in examined.options])

    def test_an_unknown_section_is_told_once(self):
        [warning] = self.check("[syncc]\ninterval = 5\nbatch = 3\n")
        self.assertEqual(f"{self.file}: there is no section [syncc]; did you mean [sync]?", warning)

    def test_what_is_like_nothing_is_ignored_and_told(self):
        [warning] = self.check("[sync]\nxyzzy = 5\n")
        self.assertIn("it is ignored", warning)

    def test_options_of_an_authentication_plug_in_are_its_own_matter(self):
        self.assertEqual([], self.check("[keystone_authtoken]\nauth_type = password\nusername = valence\n"))

    def test_a_name_with_a_hyphen_and_an_old_name_are_known(self):
        self.assertEqual([], self.check("[DEFAULT]\nstate-dir = /tmp\nrpc_response_timeout = 3\n"))

    def test_a_secret_is_not_shown(self):
        secret = cfg.IntOpt("pin", secret=True)
        [problem] = config_check.invalid(config_check.Given("f", "s", "pin", ["hidden"]), secret)
        self.assertEqual("f: [s] pin: that value is not valid.", problem["detail"])

    def test_a_file_that_cannot_be_read_is_named(self):
        self.assertIn("Invalid section", self.problem("[sync\n")[0])
        error = self.assertRaises(errors.ConfigurationInvalid, config_check.check, ["/no/such"], [])
        self.assertEqual("/no/such: No such file or directory.", error.detail)

    def test_every_option_of_the_sample_is_known(self):
        lines = [line.partition(" = ") for line in GENERATOR.read_text().splitlines()]
        names = {value for name, _, value in lines if name == "namespace"}
        self.assertEqual(names - {"valence"}, set(config_check.LISTS))


class LoadTest(base.TestCase):
    def load(self, text, **options):
        file = self.make_folder() / "valence.conf"
        file.write_text(text)
        return config.load(["--config-file", str(file)], "valence-test", conf=cfg.ConfigOpts(), **options)

    def test_a_wrong_value_is_found_at_the_start(self):
        self.assertRaises(errors.ConfigurationInvalid, self.load, "[sync]\ninterval = abc\n")

    def test_the_system_s_files_can_be_left_out(self):
        conf = config.load([], "valence-test", conf=cfg.ConfigOpts(), system_files=False)
        self.assertEqual(([], []), (conf.config_file, conf.config_dir))

    def test_a_file_that_was_named_is_read_in_any_case(self):
        self.assertEqual(7, self.load("[sync]\ninterval = 7\n", system_files=False).sync.interval)

    def test_a_certificate_that_cannot_be_read_is_named(self):
        conf = self.load("[api]\ntls_cert_file = /no/such\n")
        error = self.assertRaises(errors.ConfigurationInvalid, config.require_files, conf, "api")
        self.assertIn("[api] tls_cert_file and tls_key_file: /no/such", error.detail)
        config.require_files(conf, "events")

    def test_a_certificate_that_is_none_is_told(self):
        file = self.make_folder() / "none.pem"
        file.write_text("nothing")
        conf = self.load(f"[events]\ntls_cert_file = {file}\n")
        error = self.assertRaises(errors.ConfigurationInvalid, config.require_files, conf, "events")
        self.assertIn("[events] tls_cert_file", error.detail)
