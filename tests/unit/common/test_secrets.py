# SPDX-License-Identifier: Apache-2.0
"""The key file and what is encrypted with it."""

import os
import stat

import fixtures
from cryptography import fernet
from oslo_config import cfg

from tests import base
from valence.common import errors
from valence.common import secrets
from valence.common.configuration import config


class SecretsCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.make_folder() / "secrets.keys"

    def keys(self):
        """Return the keys in the file, the newest first."""
        lines = self.path.read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    def write(self, *lines):
        self.path.write_text("\n".join(lines) + "\n")
        self.path.chmod(0o600)

    def assert_unusable(self, reason):
        error = self.assertRaises(errors.KeysUnusable, secrets.Cipher, self.path)
        self.assertIn(str(self.path), error.detail)
        self.assertIn(reason, error.detail)


class FileTest(SecretsCase):
    def test_a_new_file_has_one_key_and_is_for_its_owner_only(self):
        secrets.create(self.path)
        self.assertEqual(1, len(self.keys()))
        self.assertEqual(0o600, stat.S_IMODE(self.path.stat().st_mode))

    def test_an_existing_file_is_left_alone(self):
        secrets.create(self.path)
        before = self.keys()
        self.assertRaises(errors.KeysUnusable, secrets.create, self.path)
        self.assertEqual(before, self.keys())

    def test_a_file_in_a_missing_folder_cannot_be_made(self):
        self.assertRaises(errors.KeysUnusable, secrets.create, self.path.parent / "missing" / "keys")

    def test_a_new_key_is_put_in_front(self):
        secrets.create(self.path)
        before = self.keys()
        secrets.add_key(self.path)
        self.assertEqual(before, self.keys()[1:])
        self.assertNotIn(self.keys()[0], before)

    def test_an_added_key_leaves_rights_and_no_other_file(self):
        secrets.create(self.path)
        self.path.chmod(0o640)
        secrets.add_key(self.path)
        self.assertEqual(0o640, stat.S_IMODE(self.path.stat().st_mode))
        self.assertEqual(["secrets.keys"], os.listdir(self.path.parent))

    def test_no_key_is_added_to_a_file_that_cannot_be_used(self):
        self.assertRaises(errors.KeysUnusable, secrets.add_key, self.path)
        self.write("nonsense")
        self.assertRaises(errors.KeysUnusable, secrets.add_key, self.path)
        self.assertEqual(["nonsense"], self.keys())

    def test_a_missing_file_is_named(self):
        self.assert_unusable("No such file")

    def test_a_folder_is_no_file(self):
        self.path.mkdir()
        self.assert_unusable("directory")

    def test_a_file_without_keys_is_refused(self):
        self.write("# nothing", "")
        self.assert_unusable("no key")

    def test_a_line_that_is_no_key_is_named(self):
        self.write("# keys", fernet.Fernet.generate_key().decode(), "no key at all")
        self.assert_unusable("line 3")

    def test_a_file_that_is_not_text_is_refused(self):
        self.path.write_bytes(b"\xff\xfe\x00")
        self.path.chmod(0o600)
        self.assert_unusable("line 1")

    def test_a_file_that_everybody_may_read_is_refused(self):
        secrets.create(self.path)
        self.path.chmod(0o644)
        self.assert_unusable("chmod")


class CipherTest(SecretsCase):
    def setUp(self):
        super().setUp()
        secrets.create(self.path)
        self.cipher = secrets.Cipher(self.path)

    def test_a_token_opens_to_its_text_and_does_not_show_it(self):
        for text in ("sesame", "", "é日😀", "x" * 1024):
            token = self.cipher.encrypt(text)
            self.assertEqual(text, self.cipher.decrypt(token))
        self.assertNotIn("sesame", self.cipher.encrypt("sesame"))

    def test_equal_texts_have_different_tokens(self):
        self.assertNotEqual(self.cipher.encrypt("a"), self.cipher.encrypt("a"))

    def test_a_token_of_another_key_or_a_changed_one_is_unreadable(self):
        stranger = fernet.Fernet(fernet.Fernet.generate_key()).encrypt(b"a").decode()
        for token in (stranger, self.cipher.encrypt("a")[:-5], "nonsense", "é"):
            error = self.assertRaises(errors.SecretUnreadable, self.cipher.decrypt, token)
            self.assertNotIn(token, error.detail)

    def test_a_running_cipher_uses_a_key_as_soon_as_it_is_added(self):
        old = self.cipher.encrypt("a")
        secrets.add_key(self.path)
        new = self.cipher.encrypt("b")
        newest = fernet.Fernet(self.keys()[0])
        self.assertEqual(b"b", newest.decrypt(new))
        self.assertEqual("a", self.cipher.decrypt(old))

    def test_a_running_cipher_opens_what_another_process_encrypted_with_a_new_key(self):
        secrets.add_key(self.path)
        token = secrets.Cipher(self.path).encrypt("a")
        self.assertEqual("a", self.cipher.decrypt(token))

    def test_a_removed_key_opens_nothing_more(self):
        old = self.cipher.encrypt("a")
        secrets.add_key(self.path)
        self.write(self.keys()[0])
        self.assertRaises(errors.SecretUnreadable, self.cipher.decrypt, old)

    def test_a_running_cipher_goes_on_with_its_keys_when_the_file_is_gone(self):
        token = self.cipher.encrypt("a")
        self.path.unlink()
        self.assertEqual("a", self.cipher.decrypt(token))
        self.assertIn("Going on with the keys of before", self.log.output)

    def test_a_running_cipher_goes_on_with_its_keys_when_the_file_is_spoilt(self):
        token = self.cipher.encrypt("a")
        self.write("nonsense")
        self.assertEqual("a", self.cipher.decrypt(token))
        self.assertIn("Going on with the keys of before", self.log.output)

    def test_renewal_leaves_a_token_of_the_newest_key(self):
        token = self.cipher.encrypt("a")
        self.assertEqual(token, self.cipher.renew(token))
        secrets.add_key(self.path)
        renewed = self.cipher.renew(token)
        self.assertNotEqual(token, renewed)
        self.assertEqual(b"a", fernet.Fernet(self.keys()[0]).decrypt(renewed))

    def test_renewal_refuses_what_it_cannot_open(self):
        self.assertRaises(errors.SecretUnreadable, self.cipher.renew, "nonsense")


class KeyFileTest(base.TestCase):
    def test_it_is_in_the_state_dir_unless_said_otherwise(self):
        conf = self.configuration("")
        self.assertEqual(f"{conf.state_dir}/secrets.keys", str(secrets.key_file(conf)))
        conf = self.configuration("[secrets]\nkey_file = /etc/valence/keys\n")
        self.assertEqual("/etc/valence/keys", str(secrets.key_file(conf)))

    def configuration(self, text):
        file = self.useFixture(fixtures.TempDir()).join("valence.conf")
        with open(file, "w") as stream:
            stream.write(text)
        conf = cfg.ConfigOpts()
        config.register(conf)
        conf(["--config-file", file])
        return conf
