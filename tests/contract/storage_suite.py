# SPDX-License-Identifier: Apache-2.0
"""What every storage of introspection data does, by examples.

The storage of a third party is one if a test case of this class and ``testtools.TestCase`` passes whose
``new_storage`` returns it; each test begins with a storage that is empty.
"""

import json
import random
import threading
import types
import uuid

import testtools
from testtools import matchers

from valence.common import introspection_errors
from valence.common import packing
from valence.introspection.storages import storage

SUFFIXES = (None, storage.UNPROCESSED, storage.LOGS)
DOCUMENT = json.dumps({"inventory": {"interfaces": [{"name": "eth0"}]}, "text": "Grüße \u0000"}).encode()


class StorageSuite:
    """The examples."""

    def new_storage(self):
        """Return a further instance of the storage, as another conductor has."""
        raise NotImplementedError

    def new_node(self):
        """Return a machine that may have contents."""
        return types.SimpleNamespace(uuid=str(uuid.uuid4()))

    def grow_old(self):
        """Let everything that is stored look as if it had been written long ago, where the storage notes times."""

    def setUp(self):
        super().setUp()
        self.storage = self.new_storage()
        self.node = self.new_node()

    def assert_missing(self, suffix=None, node=None):
        uuid_ = (node or self.node).uuid
        self.assertFalse(self.storage.exists(uuid_, suffix))
        for read in (self.storage.get, self.storage.packed):
            with testtools.ExpectedException(introspection_errors.NoIntrospectionData):
                read(uuid_, suffix)

    def test_what_was_saved_is_had_back_byte_by_byte(self):
        for content in (DOCUMENT, b"{}", bytes(range(256)), '{"a": "ä"}'.encode()):
            self.storage.save(self.node, content)
            self.assertEqual(content, self.storage.get(self.node.uuid))
            self.assertEqual(content, packing.unpack(self.storage.packed(self.node.uuid)))

    def test_a_content_is_there_for_every_conductor(self):
        self.storage.save(self.node, DOCUMENT)
        self.assertEqual(DOCUMENT, self.new_storage().get(self.node.uuid))

    def test_what_is_not_there_is_not_found(self):
        for suffix in SUFFIXES:
            self.assert_missing(suffix)

    def test_suffixes_are_contents_of_their_own(self):
        for number, suffix in enumerate(SUFFIXES):
            self.storage.save(self.node, b"%d" % number, suffix)
        found = [self.storage.get(self.node.uuid, suffix) for suffix in SUFFIXES]
        self.assertEqual([b"0", b"1", b"2"], found)
        self.storage.delete(self.node.uuid, storage.UNPROCESSED)
        self.assert_missing(storage.UNPROCESSED)
        self.assertTrue(self.storage.exists(self.node.uuid))

    def test_a_suffix_means_nothing(self):
        suffixes = ("V1", "V12", "UNPROCESSED-V1", "x" * 43)
        for suffix in suffixes:
            self.storage.save(self.node, suffix.encode(), suffix)
        self.storage.delete(self.node.uuid, "V1")
        self.assert_missing("V1")
        for suffix in suffixes[1:]:
            self.assertEqual(suffix.encode(), self.storage.get(self.node.uuid, suffix))
        self.assertEqual({(self.node.uuid, suffix) for suffix in suffixes[1:]}, set(self.storage.names()))

    def test_saving_replaces(self):
        large = random.Random(1).randbytes(1_500_000)
        for content in (DOCUMENT, large, b"short"):
            self.storage.save(self.node, content)
            self.assertEqual(content, self.storage.get(self.node.uuid))
        self.assertEqual([(self.node.uuid, None)], list(self.storage.names()))

    def test_several_are_saved_at_once(self):
        noise = random.Random(5)
        for length in (10, 400_000, 1_500_000):
            contents = {suffix: noise.randbytes(length) for suffix in ("V1", *SUFFIXES)}
            self.storage.save_all(self.node, contents)
            for suffix, content in contents.items():
                self._require(content == self.storage.get(self.node.uuid, suffix))
        self.storage.save_all(self.node, {None: b"{}", "V2": b"[]"})
        found = [self.storage.get(self.node.uuid, suffix) for suffix in (None, "V2")]
        self.assertEqual([b"{}", b"[]"], found)

    def test_large_contents_that_nothing_compresses(self):
        large = random.Random(2).randbytes(16 * 1024 * 1024)
        self.storage.save(self.node, large, storage.LOGS)
        self._require(large == self.storage.get(self.node.uuid, storage.LOGS))

    def test_a_purge_takes_nothing_that_is_there(self):
        large = random.Random(4).randbytes(1_500_000)
        for suffix in (None, storage.LOGS):
            self.storage.save(self.node, large, suffix)
        self.grow_old()
        self.storage.purge()
        for suffix in (None, storage.LOGS):
            self._require(large == self.storage.get(self.node.uuid, suffix))

    def test_delete(self):
        self.storage.save(self.node, random.Random(3).randbytes(1_500_000))
        self.storage.delete(self.node.uuid)
        self.assert_missing()
        self.storage.delete(self.node.uuid)

    def test_delete_all(self):
        other = self.new_node()
        for node in (self.node, other):
            for suffix in SUFFIXES:
                self.storage.save(node, DOCUMENT, suffix)
        self.storage.delete_all(self.node.uuid)
        for suffix in SUFFIXES:
            self.assert_missing(suffix)
            self.assertTrue(self.storage.exists(other.uuid, suffix))

    def test_names(self):
        nodes = [self.new_node() for _ in range(3)]
        for node in nodes:
            self.storage.save(node, DOCUMENT)
            self.storage.save(node, DOCUMENT, storage.UNPROCESSED)
        wanted = {(node.uuid, suffix) for node in nodes for suffix in SUFFIXES[:2]}
        found = list(self.storage.names())
        self.assertEqual((wanted, len(wanted)), (set(found), len(found)))

    def test_names_that_lead_elsewhere_are_not_found(self):
        for name in ("../../etc/passwd", "a/b", "", ".", "a\0b", "%2e%2e", "x" * 500, "ä"):
            self.assert_missing(node=types.SimpleNamespace(uuid=name))

    def test_writers_and_readers_at_once_see_whole_contents(self):
        contents = [random.Random(seed).randbytes(700_000) for seed in range(4)]
        self.storage.save(self.node, contents[0])
        wrong = []

        def write(content):
            mine = self.new_storage()
            for _ in range(3):
                self._try(wrong, lambda: mine.save(self.node, content))

        def read():
            mine = self.new_storage()
            for _ in range(10):
                self._try(wrong, lambda: self._require(mine.get(self.node.uuid) in contents))

        calls = [*((write, (content,)) for content in contents), (read, ()), (read, ())]
        threads = [threading.Thread(target=call, args=arguments) for call, arguments in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual([], wrong)
        self.assertThat(contents, matchers.Contains(self.storage.get(self.node.uuid)))

    def _try(self, wrong, call):
        try:
            call()
        except Exception as error:  # handed to the test
            wrong.append(repr(error))

    def _require(self, truth):
        if not truth:
            raise AssertionError("a mixture of contents was read")
