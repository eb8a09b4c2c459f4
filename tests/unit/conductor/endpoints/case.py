# SPDX-License-Identifier: Apache-2.0
"""A store with two pod managers, for tests of what endpoints answer about the rows in it."""

from tests import base
from tests import embedded
from valence.db import models
from valence.db import store


class StoreCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.pod_managers = [
            self.add(models.PodManager(name=name, url=f"http://127.0.0.1/{name}")) for name in ("a", "b")
        ]

    def add(self, *rows):
        """Store rows and return the last one."""
        return self.store.commit(*map(store.Create, rows))[-1]
