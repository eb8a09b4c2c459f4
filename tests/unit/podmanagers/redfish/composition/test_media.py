# SPDX-License-Identifier: Apache-2.0
"""What of a part keeps data, and how it is erased: by its drives, or by the volumes on them."""

from tests import base
from tests.unit.podmanagers.redfish.composition import test_blocks
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.composition import media


class SimulatedTest(test_blocks.BlocksCase):
    def erase_all(self):
        """Erase the last storage block, and return what was erased, and what the service says that it has erased."""
        found = self.composer.media(self.storage[-1])
        for url in found:
            outcome = self.composer.erase(url)
            while outcome.state == podmanagers.TASK:
                outcome = self.driver.follow(outcome.task_url)
            self.assertEqual((podmanagers.DONE, False), (outcome.state, self.composer.is_erasing(url)))
        return dict.fromkeys(found, 1), self.pod.compositions()["erased"]

    def test_each_drive_of_a_block_is_erased(self):
        self.start()
        found, erased = self.erase_all()
        self.assertEqual(found, erased)
        drives = self.driver.read(self.storage[-1])["Drives"]
        self.assertEqual({drive["@odata.id"] for drive in drives}, set(found))

    def test_the_volumes_stand_for_drives_that_have_no_action(self):
        self.start(erase="volumes", tasks=True)
        found, erased = self.erase_all()
        self.assertEqual(found, erased)
        self.assertEqual([], [url for url in found if "/Volumes/" not in url])

    def test_refusals_and_interruptions_say_why(self):
        self.start(erase_refused_rate=1.0)
        url = self.composer.media(self.storage[-1])[0]
        error = self.assertRaises(errors.PodManagerError, self.composer.erase, url)
        self.assertIn("locked", error.detail)
        self.pod.set_faults(erase_refused_rate=0.0, erase_interrupted_rate=1.0)
        self.assertRaises(errors.PodManagerError, self.composer.erase, url)
        self.pod.set_faults(erase_interrupted_rate=0.0, compose_cut_rate=1.0)
        self.assertRaises(composition_errors.HardwareOutcomeUnknown, self.composer.erase, url)
        self.assertEqual({url: 1}, self.pod.compositions()["erased"])

    def test_nothing_is_offered_where_nothing_can_be_erased(self):
        self.start(erase="")
        self.assertRaises(introspection_errors.NotOffered, self.composer.media, self.storage[-1])


class Connection:
    """A service with these documents."""

    def __init__(self, documents):
        self.paths = urls.Paths("http://127.0.0.1/redfish/v1")
        self._documents = documents

    def get(self, path):
        """Return a document."""
        if path not in self._documents:
            raise errors.ResourceGone(url="http://127.0.0.1", reason="404")
        return self

    content = None


def links(*paths):
    return [{"@odata.id": path} for path in paths]


def action(name, **more):
    return {"Actions": {name: {"target": f"/redfish/v1/x/Actions/{name[1:]}"} | more}}


class DocumentTest(base.TestCase):
    """Parts as services show them."""

    def media(self, **documents):
        """Return the media of the part at /redfish/v1/part; documents are named by the ends of their paths."""
        known = {f"/redfish/v1/{name}": document for name, document in documents.items()}

        class Found(Connection):
            def get(self, path):
                found = type(self)(known)
                found.content = super().get(path) and known[path]
                return found

        return [url.rpartition("/")[2] for url in media.Media(Found(known)).of_part("/redfish/v1/part")]

    def test_a_pooled_drive_is_erased_itself(self):
        drive = {"@odata.type": "#Drive.v1_20_0.Drive"} | action("#Drive.SecureErase")
        self.assertEqual(["part"], self.media(part=drive))

    def test_drives_of_storages_count_too_and_each_once(self):
        drive = action("#Drive.SecureErase")
        block = {"Drives": links("/redfish/v1/a"), "Storage": links("/redfish/v1/storage")}
        storage = {"Drives": links("/redfish/v1/a", "/redfish/v1/b")}
        self.assertEqual(["a", "b"], self.media(part=block, storage=storage, a=drive, b=drive))

    def test_a_volume_that_can_be_initialized_fast_only_keeps_its_data(self):
        block, drive = {"Drives": links("/redfish/v1/a")}, {"Links": {"Volumes": links("/redfish/v1/v")}}
        types = "InitializeType@Redfish.AllowableValues"
        slow, fast = (action("#Volume.Initialize", **{types: values}) for values in (["Slow"], ["Fast"]))
        self.assertEqual(["v"], self.media(part=block, a=drive, v=slow))
        self.assertEqual(["v"], self.media(part=block, a=drive, v=action("#Volume.Initialize")))
        self.assertRaises(introspection_errors.NotOffered, self.media, part=block, a=drive, v=fast)

    def test_one_drive_that_cannot_be_erased_is_enough(self):
        block = {"Drives": links("/redfish/v1/a", "/redfish/v1/b")}
        error = self.assertRaises(
            introspection_errors.NotOffered, self.media, part=block, a=action("#Drive.SecureErase"), b={}
        )
        self.assertIn("/redfish/v1/b", error.detail)

    def test_a_part_without_drives_is_not_taken_for_an_erased_one(self):
        for block in ({}, {"Drives": []}, {"SimpleStorage": links("/redfish/v1/s")}):
            self.assertRaises(introspection_errors.NotOffered, self.media, part=block)

    def test_what_cannot_be_read_is_not_taken_for_nothing(self):
        self.assertRaises(errors.PodManagerError, self.media, part={"Drives": links("/redfish/v1/a")})
        self.assertRaises(errors.ResourceGone, self.media)
