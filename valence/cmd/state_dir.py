# SPDX-License-Identifier: Apache-2.0
"""The folder that a process keeps its state in, for itself alone."""

import fcntl
import os
import pathlib

from valence.common import errors

LOCK = "valence.lock"
#: the embedded database with its journals
DATABASE = "valence.db*"


class StateDir:
    """A folder that is locked from ``start`` to ``stop``; it is made, readable by its owner only."""

    def __init__(self, path):
        self.path = pathlib.Path(path).absolute()
        self._lock = None

    def start(self):
        """Take the folder; raise StateDirUnusable. A database that others may read, of a version before, is closed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            for file in self.path.glob(DATABASE):
                file.chmod(0o600)
        except OSError as error:
            raise errors.StateDirUnusable(path=str(self.path), reason=error.strerror) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise errors.StateDirUnusable(path=str(self.path), reason="another process uses it") from error

    def stop(self):
        """Give the folder to others."""
        os.close(self._lock)
