# SPDX-License-Identifier: Apache-2.0
"""One Redfish service is registered once."""

from tests import base
from tests import embedded
from valence.common import context
from valence.common import errors
from valence.conductor.inventory import comparison
from valence.conductor.inventory import duplicates
from valence.conductor.inventory import sync
from valence.db import models
from valence.db import store
from valence.db.models.event import COUNTERS
from valence.podmanagers.base import Root
from valence.podmanagers.base import Seen

UUID = "11111111-2222-4333-8444-555555555555"
SYSTEM = "/redfish/v1/Systems/1"


class Driver:
    """A service with one system, with this identity."""

    def __init__(self, identity):
        self.identity = identity

    def look(self, resource_url, resource_type, parent):
        if self.identity is None:
            raise errors.ResourceGone(url="x", reason="404")
        return Seen(resource_url, resource_type, parent, identity=self.identity)


class DuplicatesTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database()).store

    def add(self, url, **values):
        new = models.PodManager(name=url[:40], url=url, **values)
        return self.database.commit(store.Create(new))[0]

    def add_system(self, pod_manager, identity):
        new = models.ResourceWithState(
            podm_id=pod_manager.uuid,
            resource_type="System",
            resource_url=SYSTEM,
            parent="",
            identity=identity,
        )
        form = sync.StoredForm(context.service_context(), dict.fromkeys(COUNTERS, 0))
        self.database.commit(*form.of(comparison.Added(new)))

    def check(self, pod_manager, uuid=UUID, identity=None):
        duplicates.require_new_service(
            self.database, pod_manager, Root(uuid, "Root", "1.6.0"), Driver(identity)
        )

    def refusal(self, pod_manager, **shown):
        return self.assertRaises(errors.PodManagerError, self.check, pod_manager, **shown).kwargs["reason"]


class URLTest(DuplicatesTest):
    def test_a_url_that_is_taken_names_the_pod_manager(self):
        other = self.add("http://127.0.0.1:1")
        urls = ["http://127.0.0.1:1/redfish/v1", "http://127.0.0.1:1"]
        error = self.assertRaises(errors.Duplicate, duplicates.require_new_url, self.database, urls)
        self.assertIn(f"exists already: {other.name} ({other.uuid})", error.detail)
        duplicates.require_new_url(self.database, urls, other.uuid)
        duplicates.require_new_url(self.database, ["http://127.0.0.1:2"])


class ServiceTest(DuplicatesTest):
    def test_the_same_address_and_uuid_are_the_same_service(self):
        for url, other in (
            ("http://127.0.0.1:8001/redfish/v1", "http://localhost:8001/redfish/v1"),
            ("http://127.0.0.1:8002/redfish/v1", "http://[::1]:8002/redfish/v1"),
            ("http://127.0.0.3/redfish/v1", "https://127.0.0.3/redfish/v1"),
        ):
            first, second = self.add(url, redfish_uuid=UUID), self.add(other)
            self.assertIn(first.uuid, self.refusal(second), url)
            self.database.commit(store.Delete(first), store.Delete(second))

    def test_another_address_is_the_same_service_if_it_shows_the_same_system(self):
        first = self.add("https://192.0.2.1/redfish/v1", redfish_uuid=UUID)
        second = self.add("https://192.0.2.2/redfish/v1")
        self.add_system(first, "s-1")
        self.assertIn("192.0.2.1", self.refusal(second, identity="s-1"))
        self.check(second, identity="s-2")
        self.check(second, identity=None)

    def test_a_uuid_that_many_services_have_proves_nothing(self):
        self.add("https://192.0.2.1/redfish/v1", redfish_uuid=UUID)
        self.check(self.add("https://192.0.2.2/redfish/v1"), identity="s-1")
        first = self.add("http://127.0.0.1:8001/redfish/v1", redfish_uuid=UUID)
        self.add_system(first, "s-1")
        self.check(self.add("http://127.0.0.1:8002/redfish/v1"), identity="s-1")

    def test_a_placeholder_is_no_uuid(self):
        for uuid in (None, "", "x", "0" * 8 + "-0000-0000-0000-" + "0" * 12, "f" * 32):
            self.add(f"http://127.0.0.1:8001/{uuid}", redfish_uuid=uuid)
            self.check(self.add(f"http://localhost:8001/{uuid}"), uuid=uuid)

    def test_one_that_was_synchronized_and_still_is_the_same_is_left_alone(self):
        self.add("http://127.0.0.1:8001/redfish/v1", redfish_uuid=UUID)
        moment = self.database.at()
        known = self.add("http://localhost:8001/redfish/v1", redfish_uuid=UUID, last_synced_at=moment)
        self.check(known)
        self.assertIn("same UUID", self.refusal(known.replace(redfish_uuid="another")))
