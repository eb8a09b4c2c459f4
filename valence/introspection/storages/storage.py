# SPDX-License-Identifier: Apache-2.0
"""What a storage of introspection data has to offer; storages are entry points of this module's ENTRY_POINT.

``tests/contract/storage_suite.py`` is the definition by examples; the storage of a third party can run it.
"""

import abc
import inspect
import re
from importlib import metadata

from oslo_log import log
from stevedore import driver
from stevedore import exception

from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing
from valence.common.configuration import extras
from valence.introspection import documents

LOG = log.getLogger(__name__)

ENTRY_POINT = "valence.introspection.storage_backend"
#: suffixes of what is stored beside the processed document, whose suffix is None
UNPROCESSED, LOGS = "UNPROCESSED", "LOGS"
#: suffixes of the two documents that every storage keeps
DOCUMENTS = (None, UNPROCESSED)

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

    ``get`` and ``save`` are all that a storage must have; without ``delete`` or ``names`` it is used as a PlainStorage.
    """

    #: whether anything is kept at all
    keeps = True
    #: whether logs and versions are kept beside the two documents of a machine
    keeps_others = True
    #: whether contents can be removed, and whether they can be listed
    removes = lists = True

    def __init__(self, conf=None, database=None):  # noqa: B027
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

    def delete(self, node_id, suffix=None):
        """Remove a content; one that is not there is as good as removed."""
        raise introspection_errors.StorageLacks(storage=type(self).__name__, what="remove data")

    def exists(self, node_id, suffix=None) -> bool:
        """Return whether there is a content."""
        try:
            self.get(node_id, suffix)
        except introspection_errors.NoIntrospectionData:
            return False
        return True

    def names(self):
        """Yield ``(node_id, suffix)`` of every content."""
        raise introspection_errors.StorageLacks(storage=type(self).__name__, what="list its contents")

    def packed(self, node_id, suffix=None) -> str:
        """Return a content packed by ``valence.common.packing``; a storage that keeps it packed returns that."""
        return packing.pack(self.get(node_id, suffix))

    def purge(self):  # noqa: B027
        """Remove unfinished writes that are older than KEPT seconds; a conductor calls it every hour."""

    def delete_all(self, node_id):
        """Remove every content of a machine but the versions; they are named one by one by who numbers them."""
        for suffix in (*DOCUMENTS, LOGS):
            self.delete(node_id, suffix)


class PlainStorage(StorageBackend):
    """Uses a plug-in that has ``get`` and ``save`` only, as the specification describes it.

    It keeps the two documents of a machine, no logs and no versions: such a plug-in may know no suffix but UNPROCESSED.
    ``delete`` is used where the plug-in has one. Exceptions of the plug-in become StorageUnavailable.
    """

    keeps_others = lists = False
    #: types of the data, offered one after the other until the plug-in takes one: the specification names none
    FORMS = (bytes, documents.parse, bytes.decode)
    #: what a plug-in may raise for a content that is not there; it may also return None
    MISSING = (LookupError, FileNotFoundError, errors.NotFound)

    def __init__(self, name, plugin):
        self._name, self._plugin = name, plugin
        self.removes = offers(plugin, "delete")

    def get(self, node_id, suffix=None):
        content, _ = None, content_name(node_id, suffix)
        if suffix in DOCUMENTS:
            content = self._found(self._plugin.get, node_id, suffix)
        if content is None:
            raise introspection_errors.NoIntrospectionData(key=node_id, what=what(suffix))
        return self._as_bytes(content)

    def save(self, node_info, data, suffix=None):
        if suffix not in DOCUMENTS:
            raise introspection_errors.StorageLacks(storage=self._name, what=f"keep {what(suffix)}")
        mistyped: Exception = TypeError()
        for form in self.FORMS:
            try:
                self._plugin.save(node_info, form(data), suffix)
                return
            except (TypeError, AttributeError) as error:
                mistyped = error
            except errors.ValenceError:
                raise
            except Exception as error:  # this is an edge: plug-ins come from anywhere
                raise self._failed("save", error) from None
        raise self._failed("save", mistyped)

    def delete(self, node_id, suffix=None):
        if not self.removes:
            raise introspection_errors.StorageLacks(storage=self._name, what="remove data")
        if suffix in DOCUMENTS:
            self._found(self._plugin.delete, node_id, suffix)

    def _found(self, method, node_id, suffix):
        """Return what a method of the plug-in returns for a content, None where there is none."""
        try:
            return method(node_id, suffix)
        except self.MISSING:
            return None
        except errors.ValenceError:
            raise
        except Exception as error:  # this is an edge: plug-ins come from anywhere
            raise self._failed(method.__name__, error) from None

    def _as_bytes(self, content):
        if isinstance(content, dict):
            return documents.dump(content, is_sorted=True)
        try:
            return content.encode() if isinstance(content, str) else bytes(memoryview(content))
        except TypeError as error:
            raise self._failed("get", error) from None

    def _failed(self, method, error):
        LOG.error("storage %s: %s failed: %s: %s", self._name, method, type(error).__name__, error)
        return introspection_errors.StorageUnavailable(
            storage=self._name, reason=f"its {method} raised {type(error).__name__}"
        )


def load(conf, database, name=None):
    """Return the storage that [processing] storage_backend, or ``name``, names; raise StorageUnusable."""
    name = name or conf.processing.storage_backend
    found = _build(name, _plugin(name), conf, database)
    missing = [each for each in ("get", "save") if not offers(found, each)]
    if missing:
        reason = f"it has no method {' and no '.join(missing)}"
        raise introspection_errors.StorageUnusable(storage=name, reason=reason)
    if isinstance(found, StorageBackend) and offers(found, "delete") and offers(found, "names"):
        return found
    plain = PlainStorage(name, found)
    LOG.warning(
        "storage %s has get and save only: logs and versions are not kept, and DELETE of data %s",
        name,
        "works" if plain.removes else "is refused; data of machines that are gone stay there",
    )
    return plain


def offers(plugin, method):
    """Return whether a storage has a method of its own, and not just what StorageBackend has in its place."""
    inherited = getattr(StorageBackend, method, None)
    return callable(getattr(plugin, method, None)) and getattr(type(plugin), method, None) is not inherited


def _plugin(name):
    """Return the class, or whatever makes the storage, of an entry point."""
    try:
        # It imports this one alone: what Swift needs takes 13 MB of memory.
        with extras.required(name):
            return driver.DriverManager(ENTRY_POINT, name).driver
    except extras.PackageMissing:
        raise
    except exception.NoMatches:
        there = ", ".join(sorted(metadata.entry_points(group=ENTRY_POINT).names))
        raise introspection_errors.StorageUnusable(storage=name, reason=f"there are: {there}") from None
    except Exception as error:  # this is an edge: plug-ins come from anywhere
        reason = f"it cannot be imported: {type(error).__name__}: {error}"
        raise introspection_errors.StorageUnusable(storage=name, reason=reason) from None


def _build(name, plugin, conf, database):
    """Return the storage that a plug-in makes of the configuration and the store, or of nothing."""
    try:
        return plugin(conf, database) if _takes(plugin, conf, database) else plugin()
    except errors.ValenceError:
        raise
    except Exception as error:  # this is an edge: plug-ins come from anywhere
        reason = f"it cannot be made: {type(error).__name__}: {error}"
        raise introspection_errors.StorageUnusable(storage=name, reason=reason) from None


def _takes(plugin, *arguments):
    """Return whether something can be called with some arguments."""
    try:
        inspect.signature(plugin).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True


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
