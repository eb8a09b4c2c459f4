# SPDX-License-Identifier: Apache-2.0
"""Options made of the fields of models."""

import argparse
import io

import fixtures

from tests import base
from valence.client.commands import fields
from valence.db import models
from valence.db import types


class OptionTest(base.TestCase):
    def parse(self, verb, *argv, model=models.PodManager):
        parser = argparse.ArgumentParser(exit_on_error=False)
        fields.add(parser, model, verb)
        return fields.values(parser.parse_args(argv), model)

    def test_every_field_that_may_be_written_has_an_option(self):
        for model in (models.PodManager, models.Flavor, models.Node):
            for verb in ("create", "update"):
                parser = argparse.ArgumentParser()
                fields.add(parser, model, verb)
                written = {
                    name
                    for name, field in model.fields.items()
                    if field.write in ("always", verb) and field.public
                }
                known = {
                    each.dest for each in parser._actions if not each.dest.endswith(("_file", "_prompt"))
                }
                self.assertEqual(written | {"help"}, known)

    def test_what_is_given_is_sent(self):
        given = self.parse("create", "row-7", "--url", "http://a", "--no-maintenance", "--tls", "legacy")
        self.assertEqual({"name": "row-7", "url": "http://a", "maintenance": False, "tls": "legacy"}, given)
        self.assertEqual({}, self.parse("update"))
        self.assertEqual({"name": "row-8"}, self.parse("update", "--name", "row-8"))

    def test_a_document(self):
        file = self.make_folder() / "properties.json"
        file.write_text('{"a": [1]}')
        for text in ('{"a": [1]}', f"@{file}"):
            given = self.parse("update", "--properties", text, model=models.Flavor)
            self.assertEqual({"properties": {"a": [1]}}, given)
        for text in ("{", "@/nowhere"):
            self.assertRaises(argparse.ArgumentTypeError, fields.document, text)

    def test_a_secret_comes_from_a_file(self):
        file = self.make_folder() / "password"
        file.write_text("pa ss\r\nsecond line\n")
        self.assertEqual({"password": "pa ss"}, self.parse("update", "--password-file", str(file)))

    def test_a_file_of_a_secret_that_cannot_be_read(self):
        error = self.assertRaises(ValueError, self.parse, "update", "--password-file", "/nowhere")
        self.assertIn("The file of the password cannot be read: [Errno 2]", str(error))

    def test_a_secret_comes_from_standard_input_or_a_terminal(self):
        with fixtures.MonkeyPatch("sys.stdin", io.StringIO("secret")):
            self.assertEqual({"password": "secret"}, self.parse("update", "--password-file", "-"))
        with fixtures.MonkeyPatch("getpass.getpass", lambda prompt: f"asked {prompt}"):
            self.assertEqual({"password": "asked password: "}, self.parse("update", "--password-prompt"))

    def test_no_option_takes_a_secret_itself(self):
        self.assertRaises(SystemExit, self.parse, "update", "--password", "secret")

    def test_only_fields_with_a_default_can_be_unset(self):
        parser = argparse.ArgumentParser()
        fields.add_flags(parser, models.PodManager)
        flags = {each.dest for each in parser._actions}
        self.assertIn("description", flags)
        self.assertEqual(set(), flags & {"name", "url", "driver", "status"})

    def test_a_percent_sign_in_what_a_field_is_for(self):
        class Disk(models.ModelBase):
            fields = {"full": types.Boolean("Is it 90 % full?", default=False, write="always")}

        parser = argparse.ArgumentParser()
        fields.add(parser, Disk, "create")
        self.assertIn("Is it 90 % full?", parser.format_help())
        parser = argparse.ArgumentParser()
        fields.add_flags(parser, Disk)
        self.assertIn("Is it 90 % full?", parser.format_help())

    def test_numbers(self):
        self.assertEqual(3, fields.positive("3"))
        for text in ("0", "-1", "x", "1.5"):
            self.assertRaises(argparse.ArgumentTypeError, fields.positive, text)
        self.assertIs(int, fields._reader(types.Integer()))

    def test_pairs(self):
        self.assertEqual(("a", "b=c"), fields.pair("a=b=c"))
        for text in ("a", "=b"):
            self.assertRaises(argparse.ArgumentTypeError, fields.pair, text)


class SecondsTest(base.TestCase):
    def test_a_timeout_is_a_number_from_0_on(self):
        self.assertEqual([0.0, 2.5], [fields.seconds(text) for text in ("0", "2.5")])
        for text in ("nan", "-1", "-inf", "soon", ""):
            self.assertRaises(argparse.ArgumentTypeError, fields.seconds, text)
