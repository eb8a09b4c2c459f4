# SPDX-License-Identifier: Apache-2.0
"""Clients: registered again and again, able to do some things, central for all projects."""

from tests.unit.backup import case
from valence.backup import clients
from valence.common import errors


class ClientsTest(case.BackupCase):
    def test_a_registration_is_brought_up_to_date(self):
        first = self.register(description="one", supported_modes=["fs"])
        again = self.register(description="two")
        self.assertEqual((first.id, first.uuid), (again.id, again.uuid))
        shown = self.show("clients", "node-1")["client"]
        self.assertEqual(("two", ["fs"]), (shown["description"], shown["supported_modes"]))

    def test_version_1_registers_once(self):
        user = self.demo._replace(version="v1")
        self.register(tenant=user)
        self.assertRaises(errors.Duplicate, self.register, tenant=user)

    def test_who_says_nothing_can_do_everything(self):
        self.register()
        shown = self.show("clients", "node-1")["client"]
        self.assertEqual((8, 6), (len(shown["supported_modes"]), len(shown["supported_storages"])))
        self.assertNotIn(
            "supported_modes", self.show("clients", "node-1", self.demo._replace(version="v1"))["client"]
        )

    def test_a_taken_uuid_is_refused(self):
        self.register(uuid="1")
        error = self.assertRaises(errors.Duplicate, self.register, "node-2", uuid="1")
        self.assertEqual("uuid", error.kwargs["field"])

    def test_the_same_name_in_another_project_is_another_client(self):
        self.register()
        self.register(tenant=self.other, description="theirs")
        self.assertIsNone(self.show("clients", "node-1")["client"]["description"])

    def test_a_central_client_is_seen_everywhere_and_removed_at_home(self):
        self.register("centre", is_central=True)
        self.assertEqual("demo", self.show("clients", "centre", self.other)["project_id"])
        self.assertRaises(errors.Conflict, self.register, "centre", tenant=self.other)
        self.assertRaises(errors.Forbidden, clients.delete, self.store, self.other, "centre")
        clients.delete(self.store, self.demo, "centre")
        self.assertRaises(errors.NotFound, self.show, "clients", "centre", self.other)

    def test_a_client_with_jobs_stays(self):
        self.register()
        self.add_job()
        self.assertRaises(errors.InUse, clients.delete, self.store, self.demo, "node-1")

    def test_a_client_that_registers_again_meanwhile_is_removed(self):
        self.register()
        commit, registered = self.store.commit, []

        def commit_later(*changes, **options):
            if not registered:
                registered.append(True)
                self.register(description="again")
            return commit(*changes, **options)

        self.patch(self.store, "commit", commit_later)
        clients.delete(self.store, self.demo, "node-1")
        self.assertRaises(errors.NotFound, self.show, "clients", "node-1")

    def test_a_client_gets_only_jobs_that_it_can_do(self):
        client = self.register(supported_modes=["fs"], supported_engines=["tar"])
        clients.check_ability(client, case.ACTION | {"engine_name": "tar", "storage": "anything"})
        for wanted, word in (({"mode": "nova"}, "mode: nova"), ({"engine_name": "rsync"}, "engine: rsync")):
            error = self.assertRaises(
                errors.Unprocessable, clients.check_ability, client, case.ACTION | wanted
            )
            self.assertIn(f"Client node-1 does not support {word}", error.detail)
