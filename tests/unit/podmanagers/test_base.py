# SPDX-License-Identifier: Apache-2.0
"""What a crawl knows of the stored resources, and what drivers may leave out."""

import json

import testtools

from valence.common import introspection_errors
from valence.podmanagers import base

SYSTEM = "/redfish/v1/Systems/1"


class EtagsTest(testtools.TestCase):
    def setUp(self):
        super().setUp()
        parts = {f"{SYSTEM}/Power#/Supplies/0": None, f"{SYSTEM}/Storage/1/Drives/7": 'W/"a"'}
        self.etags = base.Etags({SYSTEM: '"1"'} | parts)

    def test_an_etag_belongs_to_its_url(self):
        urls = (SYSTEM, f"{SYSTEM}/Power#/Supplies/0", f"{SYSTEM}/Storage/1/Drives/7", "/redfish/v1/Systems")
        self.assertEqual(['"1"', None, 'W/"a"', None], [self.etags.get(url) for url in urls])
        self.assertEqual([0, 1, 2, None], [self.etags.find(url) for url in urls])

    def test_a_url_is_known_once(self):
        self.assertIsNone(self.etags.add(SYSTEM, '"2"'))
        self.assertEqual((3, '"1"'), (len(self.etags), self.etags.get(SYSTEM)))

    def test_what_is_above_a_resource_has_it_below(self):
        def below(path, *, members_only):
            return self.etags.has_below(f"{SYSTEM}{path}", members_only=members_only)

        self.assertTrue(below("/Storage/1/Drives", members_only=True))
        self.assertFalse(below("/Storage", members_only=True))
        self.assertTrue(below("/Storage", members_only=False))
        self.assertFalse(below("/Stor", members_only=False))
        self.assertFalse(below("/Storage/1/Drives/7", members_only=False))
        self.assertTrue(self.etags.has_below("/redfish/v1/Systems", members_only=True))


class Plain(base.PodManagerDriver):
    """A driver with nothing but what it must have."""

    def __init__(self):
        pass

    def root(self):
        return base.Root(None, None, None)

    def crawl(self, etags):
        yield from ()

    def read(self, resource_url):
        return {}

    def abort(self):
        pass

    def close(self):
        pass


class OptionalTest(testtools.TestCase):
    def test_what_a_driver_leaves_out_is_not_offered(self):
        driver = Plain()
        for call in (
            lambda: driver.machine_state(SYSTEM),
            lambda: driver.power(SYSTEM, "on"),
            lambda: driver.boot(SYSTEM, target="pxe", enabled="once"),
            lambda: driver.follow("/redfish/v1/TaskService/Tasks/1"),
        ):
            self.assertRaises(introspection_errors.NotOffered, call)

    def test_an_outcome_is_stored_as_json(self):
        outcome = base.Outcome(base.TASK, None, "/redfish/v1/TaskService/Tasks/1", 5)
        self.assertEqual(outcome, base.Outcome(**json.loads(json.dumps(outcome._asdict()))))
