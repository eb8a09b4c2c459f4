# SPDX-License-Identifier: Apache-2.0
"""What the tests of the backup service start from: a store, a tenant, and things of that tenant."""

from tests import base
from tests import embedded
from valence.backup import changes
from valence.backup import clients
from valence.backup import jobs
from valence.backup import listing
from valence.backup import sessions

ACTION = {
    "action": "backup",
    "mode": "fs",
    "path_to_backup": "/etc",
    "backup_name": "etc",
    "container": "store",
}
ENTRY = {"freezer_action": ACTION, "max_retries": 3, "max_retries_interval": 60, "mandatory": True}


class BackupCase(base.TestCase):
    """A test with ``self.store``, the tenant ``self.demo`` and another one, ``self.other``."""

    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.demo = changes.Scope("v2", "demo", "alice", "Alice")
        self.other = changes.Scope("v2", "other", "bob", "Bob")

    def register(self, name="node-1", tenant=None, **told):
        """Register a client and return it."""
        return clients.create(self.store, tenant or self.demo, {"client_id": name} | told)

    def add_job(self, name="nightly", tenant=None, client="node-1", entries=(ENTRY,), **told):
        """Store a job for a client that is there, and return its document."""
        document = {"client_id": client, "job_actions": list(entries)} | told
        jobs.create(self.store, tenant or self.demo, name, document)
        return self.show("jobs", name, tenant)

    def add_session(self, name="together", tenant=None, **told):
        """Store a session and return its document."""
        sessions.create(
            self.store, tenant or self.demo, name, {"schedule": {"schedule_interval": "1 days"}} | told
        )
        return self.show("sessions", name, tenant)

    def show(self, collection, name, tenant=None):
        """Return a document."""
        return listing.find(self.store, tenant or self.demo, collection, name)

    def list(self, collection, tenant=None, **wanted):
        """Return the documents that a search finds."""
        return listing.page(self.store, tenant or self.demo, collection, listing.Search(**wanted))
