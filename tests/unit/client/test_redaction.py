# SPDX-License-Identifier: Apache-2.0
"""Secrets in the log of requests."""

import logging

from tests import base
from tests.unit.client import server
from valence.client import redaction


class FilterTest(base.TestCase):
    def setUp(self):
        super().setUp()
        logger = logging.getLogger(redaction.LOGGER)
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.DEBUG)
        logging.getLogger().handlers[0].setLevel(logging.DEBUG)

    def test_a_password_is_not_logged(self):
        client = server.Server({"uuid": "1"}).client()
        client.pod_managers.create(name="row-7", password='se"cret\\', username="admin")
        self.assertIn("curl -g -i -X POST", self.log.output)
        self.assertIn('"name": "row-7"', self.log.output)
        self.assertIn('"password": "***"', self.log.output)
        self.assertNotIn("cret", self.log.output)

    def test_a_password_for_ironic_is_not_logged(self):
        secrets = ("redfish_password", "snmp_community", "snmp_auth_key", "x_token", "ipmi_hex_kg_key")
        info = dict.fromkeys(secrets, "hunter2") | {"redfish_username": "ironic"}
        server.Server({"uuid": "1"}).client().nodes.register("web-3", driver_info=info)
        self.assertNotIn("hunter2", self.log.output)
        self.assertIn('"redfish_username": "ironic"', self.log.output)
        self.assertIn('"redfish_password": "***"', self.log.output)

    def test_a_logger_of_each_part_logs_no_password(self):
        client = server.Server({"uuid": "1"}).client()
        client.session._split_loggers = True
        client.pod_managers.create(name="row-7", password="secret")
        self.assertIn('"password": "***"', self.log.output)
        self.assertNotIn("secret", self.log.output)

    def test_it_is_installed_once(self):
        redaction.install()
        redaction.install()
        filters = logging.getLogger(redaction.LOGGER).filters
        self.assertEqual(1, sum(isinstance(each, redaction.Filter) for each in filters))
