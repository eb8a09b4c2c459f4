# SPDX-License-Identifier: Apache-2.0
"""A package that is not installed is told with the extra that brings it; plug-ins are found by their group."""

from tests import base
from valence.common.configuration import extras


class RequiredTest(base.TestCase):
    def test_a_missing_package_is_told_with_its_extra(self):
        for by, extra in (("", "keystone"), ("swift", "swift"), ("database", "keystone")):
            with self.assertRaises(extras.PackageMissing) as caught, extras.required(by):
                raise ModuleNotFoundError(name="keystoneauth1.loading")
            self.assertIn(f"'valence[{extra}]'", caught.exception.problems[0]["hint"])

    def test_other_missing_modules_are_no_extras(self):
        with self.assertRaises(ModuleNotFoundError), extras.required():
            raise ModuleNotFoundError(name="valence.nothing")


class EntryPointsTest(base.TestCase):
    def test_the_drivers_of_stores_are_found(self):
        self.assertLessEqual({"sqlalchemy", "etcd", "etcd3"}, extras.entry_points("valence.db.driver"))
        self.assertEqual(frozenset(), extras.entry_points("valence.nothing"))
