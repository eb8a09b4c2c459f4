# SPDX-License-Identifier: Apache-2.0
"""Where the command line finds Valence, and how it signs in."""

import argparse

import fixtures
from keystoneauth1 import http_basic
from keystoneauth1 import identity
from keystoneauth1 import noauth

from tests import base
from valence import client
from valence.client import session

CLOUDS = """
clouds:
  mine:
    auth_type: none
    verify: true
    rack_endpoint_override: http://cloud.test:8181
  keystone:
    auth: {auth_url: "http://keystone.test:5000/v3", username: u, password: p, project_name: p}
    regions: [one, two]
    interface: internal
"""
PASSWORD = ("--os-auth-url", "http://keystone.test:5000/v3", "--os-username", "u", "--os-password", "p")


class ConnectTest(base.TestCase):
    def setUp(self):
        super().setUp()
        for name in (
            "OS_CLOUD",
            "OS_AUTH_TYPE",
            "OS_AUTH_URL",
            "OS_USERNAME",
            "OS_CACERT",
            "OS_REGION_NAME",
            "OS_INTERFACE",
            "VALENCE_ENDPOINT",
        ):
            self.useFixture(fixtures.EnvironmentVariable(name))

    def connect(self, *argv):
        parser = argparse.ArgumentParser()
        session.add_arguments(parser, argv)
        return session.connect(parser.parse_args(argv))

    def test_without_anything_it_is_the_demo(self):
        rack = self.connect()
        self.assertEqual(f"{client.URL}/v1", rack.get_endpoint())
        self.assertIsInstance(rack.session.auth, noauth.NoAuth)
        self.assertIs(True, rack.session.verify)

    def test_an_option_comes_before_the_environment(self):
        self.useFixture(fixtures.EnvironmentVariable("VALENCE_ENDPOINT", "http://a.test/"))
        self.assertEqual("http://a.test/v1", self.connect().get_endpoint())
        self.assertEqual("http://b.test/v1", self.connect("--endpoint", "http://b.test/v1").get_endpoint())

    def test_certificates(self):
        file = self.make_folder() / "ca.pem"
        file.write_text("")
        self.assertEqual(str(file), self.connect("--os-cacert", str(file)).session.verify)
        self.assertIs(False, self.connect("--insecure").session.verify)

    def test_a_way_to_sign_in_without_a_name(self):
        for argv in (("--os-auth-type",), ("--os-auth-type", "--insecure")):
            error = self.assertRaises(ValueError, session.add_arguments, Parser(), argv)
            self.assertIn("--os-auth-type", str(error))

    def test_an_empty_variable_is_not_given(self):
        for name in ("OS_AUTH_URL", "OS_AUTH_TYPE"):
            self.useFixture(fixtures.EnvironmentVariable(name, ""))
        self.assertIsInstance(self.connect().session.auth, noauth.NoAuth)
        argv = ("--os-username", "u", "--os-password", "p")
        self.useFixture(fixtures.EnvironmentVariable("OS_AUTH_TYPE"))
        self.assertIsInstance(self.connect(*argv).session.auth, http_basic.HTTPBasicAuth)

    def test_http_basic(self):
        argv = ("--os-auth-type", "http_basic", "--os-username", "u", "--os-password", "p")
        rack = self.connect(*argv, "--endpoint", "http://a.test")
        self.assertIsInstance(rack.session.auth, http_basic.HTTPBasicAuth)
        self.assertEqual("http://a.test/v1", rack.get_endpoint())
        self.assertEqual(f"{client.URL}/v1", self.connect(*argv).get_endpoint())

    def test_a_password_is_asked_for_on_a_terminal_only(self):
        argv = ("--os-auth-type", "http_basic", "--os-username", "u")
        self.assertIsNone(self.connect(*argv).session.auth.password)
        terminal = fixtures.MonkeyPatch("valence.client.session.sys.stdin", Terminal())
        with terminal, fixtures.MonkeyPatch("getpass.getpass", lambda prompt: prompt):
            self.assertEqual("Password of u: ", self.connect(*argv).session.auth.password)

    def test_keystone(self):
        rack = self.connect(*PASSWORD)
        self.assertIsInstance(rack.session.auth, identity.generic.Password)
        self.assertIsNone(rack.endpoint_override)
        self.assertEqual(
            "http://a.test/v1", self.connect(*PASSWORD, "--endpoint", "http://a.test").endpoint_override
        )

    def test_a_region_and_an_interface_of_the_catalogue(self):
        rack = self.connect(*PASSWORD, "--os-region-name", "two", "--os-interface", "internal")
        self.assertEqual(("two", "internal"), (rack.region_name, rack.interface))
        self.useFixture(fixtures.EnvironmentVariable("OS_REGION_NAME", "three"))
        self.useFixture(fixtures.EnvironmentVariable("OS_INTERFACE", "admin"))
        rack = self.connect(*PASSWORD)
        self.assertEqual(("three", "admin"), (rack.region_name, rack.interface))

    def test_a_region_of_a_cloud(self):
        self.write_clouds()
        rack = self.connect("--os-cloud", "keystone")
        self.assertEqual(("one", "internal"), (rack.region_name, rack.interface))
        rack = self.connect("--os-cloud", "keystone", "--os-region-name", "two", "--os-interface", "public")
        self.assertEqual(("two", "public"), (rack.region_name, rack.interface))

    def test_what_is_given_comes_before_a_cloud_of_the_environment(self):
        self.write_clouds()
        self.useFixture(fixtures.EnvironmentVariable("OS_CLOUD", "mine"))
        self.assertEqual("http://cloud.test:8181/v1", self.connect().get_endpoint())
        argv = ("--os-auth-type", "http_basic", "--os-username", "u", "--os-password", "p")
        self.assertEqual(f"{client.URL}/v1", self.connect(*argv).get_endpoint())
        both = self.connect(*argv, "--os-cloud", "mine")
        self.assertEqual("http://cloud.test:8181/v1", both.get_endpoint())

    def write_clouds(self):
        file = self.make_folder() / "clouds.yaml"
        file.write_text(CLOUDS)
        self.useFixture(fixtures.EnvironmentVariable("OS_CLIENT_CONFIG_FILE", str(file)))

    def test_a_cloud(self):
        self.write_clouds()
        rack = self.connect("--os-cloud", "mine")
        self.assertEqual("http://cloud.test:8181/v1", rack.get_endpoint())
        rack = self.connect("--os-cloud", "mine", "--endpoint", "http://a.test", "--insecure")
        self.assertEqual(("http://a.test/v1", False), (rack.get_endpoint(), rack.session.verify))


class Terminal:
    def isatty(self):
        return True


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(message)
