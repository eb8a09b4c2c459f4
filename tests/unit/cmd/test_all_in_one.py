# SPDX-License-Identifier: Apache-2.0
"""The folder of a process's state."""

import stat

from tests import base
from valence.cmd import all_in_one
from valence.common import errors


def mode(path):
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


class StateDirTest(base.TestCase):
    def start(self, path):
        """Take a folder until the end of the test."""
        folder = all_in_one.StateDir(path)
        folder.start()
        self.addCleanup(folder.stop)
        return folder

    def test_it_is_for_its_owner_alone(self):
        path = self.make_folder() / "a" / "b"
        self.start(path)
        self.assertEqual((0o700, 0o600), (mode(path), mode(path / all_in_one.LOCK)))

    def test_a_database_that_others_could_read_is_closed_to_them(self):
        path = self.make_folder()
        for name in ("valence.db", "valence.db-wal", "other"):
            (path / name).write_bytes(b"")
            (path / name).chmod(0o644)
        self.start(path)
        modes = [mode(path / name) for name in ("valence.db", "valence.db-wal", "other")]
        self.assertEqual([0o600, 0o600, 0o644], modes)

    def test_two_do_not_share_it(self):
        path = self.make_folder()
        self.start(path)
        self.assertRaises(errors.StateDirUnusable, all_in_one.StateDir(path).start)
