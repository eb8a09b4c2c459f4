# SPDX-License-Identifier: Apache-2.0
"""What a storage of introspection data has to offer; storages are entry points of this module's ENTRY_POINT.

``tests/contract/storage_suite.py`` is the definition by examples; the storage of a third party can run it.
"""

import abc
import re
from importlib import metadata

from stevedore import driver
from stevedore import exception

from valence.common import introspection_errors
from valence.common import packing

ENTRY_POINT = "valence.introspection.storage_backend"
#: suffixes of what is stored beside the processed document, whose suffix is None
UNPROCESSED, LOGS = "UNPROCESSED", "LOGS"

#: what stands before the number of a version in the suffix of its contents
VERSION = "V"

#: seconds after which nobody goes on writing what is half written
KEPT = 3600

_NAME = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,78}[0-9A-Za-z])?")


class StorageBackend(abc.ABC):
    """Keeps contents, bytes of any kind and size, by machine and suffix.

    A suffix is None, or at most 43 letters, digits and dashes that mean nothing to the storage: documents, logs and
    earlier versions of documents are contents alike.
    A content that was saved is found by every conductor, whole or not at all, until it is deleted or replaced.
    Every method may be called from any thread, and raises StorageUnavailable while the storage is away.
    """

    #: whether anything is kept at all
    keeps = True

    @abc.abstractmethod
    def __init__(self, conf, database):
        """Prepare; raise StorageUnusable if the options make no sense. ``database`` is the store of the conductor."""

    @abc.abstractmethod
    def get(self, node_id, suffix=None) -> bytes:
        """Return the content of a machine with a suffix; raise NoIntrospectionData."""

    @abc.abstractmethod
    def save(self, node_info, data, suffix=None):
        """Store ``data``, bytes, for the machine ``node_info.uuid`` with a suffix, in place of what was there."""

    def save_all(self, node_info, contents):
        """Save several contents of a machine, ``{suffix: data}``; when it fails some of them may be stored."""
        for suffix, data in contents.items():
            self.save(node_info, data, suffix)

    @abc.abstractmethod
    def delete(self, node_id, suffix=None):
        """Remove a content; one that is not there is as good as removed."""

    @abc.abstractmethod
    def exists(self, node_id, suffix=None) -> bool:
        """Return whether there is a content."""

    @abc.abstractmethod
    def names(self):
        """Yield ``(node_id, suffix)`` of every content."""

    def packed(self, node_id, suffix=None) -> str:
        """Return a content as ``valence.common.packing`` packs it; a storage that keeps it so need not pack it anew."""
        return packing.pack(self.get(node_id, suffix))

    def purge(self):  # noqa: B027
        """Remove what writers that died left half done more than KEPT seconds ago; a conductor calls it every hour."""

    def delete_all(self, node_id):
        """Remove every content of a machine but the versions; they are named one by one by who numbers them."""
        for suffix in (None, UNPROCESSED, LOGS):
            self.delete(node_id, suffix)


def load(conf, database, name=None):
    """Return the storage that [processing] storage_backend, or ``name``, names; raise StorageUnusable."""
    name = name or conf.processing.storage_backend
    try:
        # It imports this one alone: what Swift needs takes 13 MB of memory.
        plugin = driver.DriverManager(ENTRY_POINT, name).driver
    except exception.NoMatches:
        there = ", ".join(sorted(metadata.entry_points(group=ENTRY_POINT).names))
        raise introspection_errors.StorageUnusable(storage=name, reason=f"there are: {there}") from None
    except ImportError as error:
        raise introspection_errors.StorageUnusable(storage=name, reason=str(error)) from None
    return plugin(conf, database)


def content_name(node_id, suffix=None):
    """Return ``<machine>[-suffix]``; raise NoIntrospectionData for what can be no name of a content."""
    name = f"{node_id}-{suffix}" if suffix else node_id
    if not _NAME.fullmatch(name):
        raise introspection_errors.NoIntrospectionData(key=node_id, what=what(suffix))
    return name


def split_name(name):
    """Return ``(node_id, suffix)`` of the name of a content: a machine's identifier has 36 characters."""
    return name[:36], name[37:] or None


def of_version(suffix, number):
    """Return the suffix of a version of what has ``suffix``."""
    return f"{suffix}-{VERSION}{number}" if suffix else f"{VERSION}{number}"


def what(suffix, number=None):
    """Return how a content, or a version of it, is spoken of."""
    known = {None: "processed data", UNPROCESSED: "unprocessed data", LOGS: "logs"}
    spoken = known.get(suffix, f"data {suffix}")
    return spoken if number is None else f"{spoken} of version {number}"
