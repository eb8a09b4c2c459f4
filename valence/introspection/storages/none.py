# SPDX-License-Identifier: Apache-2.0
"""The storage ``none``: introspection happens, hooks and notifications too, and nothing is kept."""

from valence.common import introspection_errors
from valence.introspection.storages import storage


class NoStorage(storage.StorageBackend):
    """Keeps nothing."""

    keeps = False

    def __init__(self, conf, database):
        """There is nothing to prepare."""

    def get(self, node_id, suffix=None):
        raise introspection_errors.NothingKept(key=node_id)

    def save(self, node_info, data, suffix=None):
        """Forget it."""

    def delete(self, node_id, suffix=None):
        """There is nothing."""

    def exists(self, node_id, suffix=None):
        return False

    def names(self):
        return iter(())
