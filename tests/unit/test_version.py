# SPDX-License-Identifier: Apache-2.0
"""The version that a process tells is that of its code, whatever is installed meanwhile."""

from importlib import metadata

import fixtures

from tests import base
from valence import version


class VersionTest(base.TestCase):
    def test_an_upgrade_of_the_files_does_not_change_it(self):
        before = version.version_string()
        self.useFixture(fixtures.MonkeyPatch("importlib.metadata.version", lambda _: "99.0"))
        self.assertEqual("99.0", metadata.version("valence"))
        self.assertEqual(before, version.version_string())
