# SPDX-License-Identifier: Apache-2.0
"""The storage ``file``: one file a content, in a folder that all conductors share. The example of a storage."""

import os
import pathlib
import tempfile
import time

from valence.common import introspection_errors
from valence.introspection.storages import storage

#: so that a half-written file is never taken for a content
_TEMPORARY = ".new-"


class FileStorage(storage.StorageBackend):
    """Keeps contents in [processing] directory."""

    def __init__(self, conf, database):
        folder = conf.processing.directory or pathlib.Path(conf.state_dir, "introspection")
        self._folder = pathlib.Path(folder)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise introspection_errors.StorageUnusable(
                storage="file", reason=f"{folder}: {error.strerror}"
            ) from None

    def get(self, node_id, suffix=None):
        path = self._path(node_id, suffix)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise introspection_errors.NoIntrospectionData(key=node_id, what=storage.what(suffix)) from None
        except OSError as error:
            raise _away(error) from None

    def save(self, node_info, data, suffix=None):
        path = self._path(node_info.uuid, suffix)
        try:
            self._replace(path, data)
        except OSError as error:
            raise _away(error) from None

    def delete(self, node_id, suffix=None):
        try:
            self._path(node_id, suffix).unlink(missing_ok=True)
        except introspection_errors.NoIntrospectionData:
            pass
        except OSError as error:
            raise _away(error) from None

    def exists(self, node_id, suffix=None):
        try:
            return self._path(node_id, suffix).is_file()
        except introspection_errors.NoIntrospectionData:
            return False

    def names(self):
        for path in sorted(self._folder.iterdir()):
            if not path.name.startswith("."):
                yield storage.split_name(path.name)

    def purge(self):
        old = time.time() - storage.KEPT
        try:
            for path in self._folder.glob(f"{_TEMPORARY}*"):
                if path.stat().st_mtime < old:
                    path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass  # it was finished, or removed, at this moment; the others are removed next time
        except OSError as error:
            raise _away(error) from None

    def _path(self, node_id, suffix):
        return self._folder / storage.content_name(node_id, suffix)

    def _replace(self, path, data):
        """Write beside the file and rename: a reader sees the old content or the new one, after a power cut too."""
        descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=self._folder)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except OSError:
            pathlib.Path(name).unlink(missing_ok=True)
            raise
        self._settle()

    def _settle(self):
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _away(error):
    return introspection_errors.StorageUnavailable(
        storage="file", reason=error.strerror or type(error).__name__
    )
