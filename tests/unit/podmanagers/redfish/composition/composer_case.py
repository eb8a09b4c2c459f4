# SPDX-License-Identifier: Apache-2.0
"""A driver and its composer, connected to a simulated service."""

from oslo_config import cfg

from tests import base
from valence.common.configuration import config
from valence.db import models
from valence.podmanagers.redfish import driver
from valence.simulator import server


class ComposerCase(base.TestCase):
    def connect(self, **options):
        """Start a simulator with ``options``, and set ``pod``, ``driver`` and ``composer``."""
        self.pod = server.Simulator(**options).start()
        self.addCleanup(self.pod.stop)
        conf = cfg.ConfigOpts()
        config.register(conf)
        conf([], project="valence", default_config_files=[])
        conf.set_override("read_timeout", 2, "redfish")
        access = {"username": "admin", "password": "password"}
        pod_manager = models.PodManager(name="pod", url=f"{self.pod.url}/redfish/v1", **access)
        self.driver = driver.RedfishDriver(conf, pod_manager)
        self.addCleanup(self.driver.close)
        self.composer = self.driver.composer()
