# SPDX-License-Identifier: Apache-2.0
"""Access to Ironic: what is configured, what is installed, and what only conductors can read."""

import sys
from unittest import mock

from keystoneauth1 import loading

from tests import base
from tests import embedded
from tests import fake_ironic
from valence.common import composition_errors
from valence.common.configuration import extras
from valence.conductor.nodes.ironic import access
from valence.conductor.nodes.ironic import options


class AccessTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.conf = self.useFixture(embedded.Database()).conf
        self.ironic = access.Ironic(self.conf)

    def test_a_site_without_ironic_needs_no_library(self):
        self.assertRaises(composition_errors.IronicNotConfigured, self.ironic.client)

    def test_another_section_may_say_how_to_sign_in(self):
        options.register(self.conf)
        self.conf.set_override("auth_section", "keystone_of_all", options.GROUP)
        self.assertRaises(composition_errors.IronicNotConfigured, self.ironic.client)
        loading.register_auth_conf_options(self.conf, options.GROUP)
        self.conf.set_override("auth_type", "none", "keystone_of_all")
        self.assertIs(self.ironic.client(), self.ironic.client())

    def test_a_library_that_is_missing_is_named_with_its_extra(self):
        self.useFixture(fake_ironic.FakeIronic()).configure(self.conf)
        package = vars(sys.modules[access.__package__])
        self.enterContext(mock.patch.dict(package))
        self.enterContext(mock.patch.dict(sys.modules, {"openstack": None}))
        package.pop("bare_metal", None)
        sys.modules.pop(f"{access.__package__}.bare_metal", None)
        error = self.assertRaises(extras.PackageMissing, self.ironic.client)
        self.assertIn("valence[ironic]", error.problems[0]["hint"])

    def test_the_client_is_made_once(self):
        self.useFixture(fake_ironic.FakeIronic()).configure(self.conf)
        self.assertIs(self.ironic.client(), self.ironic.client())

    def test_what_is_sealed_is_not_readable_and_comes_back(self):
        values = {"driver_info": {"redfish_password": "hunter2"}}
        token = self.ironic.sealed(values)
        self.assertNotIn("hunter2", token)
        self.assertEqual(values, self.ironic.opened(token))
