# SPDX-License-Identifier: Apache-2.0
"""Versions of documents: what was found in a machine this time, kept beside what was found before.

A version is a row, and two contents in the storage under suffixes of their own. Contents are stored before their row.
A version is hidden, by a row without ``finished_at``, before its contents are removed, and the row is removed after
them: what is listed can be read, and a removal that was cut off can be repeated.
"""

import contextlib
import time
import typing

from oslo_log import log

from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing
from valence.db import models
from valence.db import store
from valence.db.models.introspection import ENDED
from valence.introspection import documents
from valence.introspection.storages import storage

LOG = log.getLogger(__name__)

#: what a version consists of
SUFFIXES = (storage.UNPROCESSED, None)
#: fields that hold the SHA-256 of a content -> suffix in the storage
FIELDS = {"processed": None, "unprocessed": storage.UNPROCESSED, "logs": storage.LOGS}
#: seconds for which a reader waits while contents are being replaced, and seconds between two attempts
READ_PATIENCE, READ_INTERVAL = 5.0, 0.05


class Content(typing.NamedTuple):
    """A content that was read: its SHA-256, its bytes, and its packed form where the storage keeps it packed."""

    digest: str
    data: bytes
    packed: str | None = None


class History:
    """The versions that [processing] keep asks for; to be changed under the lease of the machine's introspection."""

    def __init__(self, conf, database, backend):
        self._options, self._store = conf.processing, database
        #: the storage that holds the present contents too
        self.backend = backend

    def keeps(self, suffix):
        """Return whether contents with a suffix are kept."""
        return self.backend.keeps and (self.backend.keeps_others or suffix in storage.DOCUMENTS)

    def require(self, uuid, suffix):
        """Raise NothingKept, or NotKept, if contents with a suffix are not kept."""
        if not self.backend.keeps:
            raise introspection_errors.NothingKept(key=uuid)
        if not self.keeps(suffix):
            name, what = self._options.storage_backend, storage.what(suffix)
            raise introspection_errors.NotKept(storage=name, key=uuid, what=what)

    def versions(self, uuid):
        """Return the IntrospectionVersions of a machine, the newest first."""
        return [version for version in self._every(uuid) if version.finished_at]

    def _every(self, uuid):
        """Return the versions, those too whose contents are being removed."""
        mine = [store.Filter("introspection_id", "eq", uuid)]
        newest_first = [store.Sort("number", descending=True)]
        return self._store.list(models.IntrospectionVersion, filters=mine, sort=newest_first)

    def pair(self, uuid, old=None, new=None):
        """Return two versions of a machine: by default the newest, and the one before ``new`` of the same source.

        Raise NoIntrospectionData; what a ramdisk and what Redfish tell cannot be compared unless that is asked for.
        """
        versions = self.versions(uuid)
        new = _first(versions, uuid, new)
        earlier = [each for each in versions if each.number < new.number and each.source == new.source]
        return _first(versions if old else earlier, uuid, old), new

    def get(self, uuid, number):
        """Return a version of a machine; raise NoIntrospectionData."""
        return _first(self.versions(uuid), uuid, number)

    def read(self, uuid, kind, number=None, known=None):
        """Return the Content of a kind, a name of FIELDS, or None if its SHA-256 is ``known``.

        The content is the one whose SHA-256 is stored: contents that are being replaced are waited for. Raise
        NoIntrospectionData, StorageUnavailable, DataChanging, DataDamaged.
        """
        before, end = None, time.monotonic() + READ_PATIENCE
        while True:
            introspection = self._introspection(uuid, kind)
            content = self._read(introspection, kind, number, known)
            if content is None or content.data is not None:
                return content
            about = {"key": uuid, "what": storage.what(FIELDS[kind], number)}
            if introspection == before and introspection.state in ENDED:
                raise introspection_errors.DataDamaged(storage=self._options.storage_backend, **about)
            if time.monotonic() > end:
                raise introspection_errors.DataChanging(**about)
            before = introspection
            time.sleep(READ_INTERVAL)

    def _introspection(self, uuid, kind):
        try:
            return self._store.get(models.Introspection, uuid)
        except errors.NotFound:
            what = storage.what(FIELDS[kind])
            raise introspection_errors.NoIntrospectionData(key=uuid, what=what) from None

    def _read(self, introspection, kind, number, known):
        """Return what ``read`` does; a Content without data if no content has the SHA-256 that is stored."""
        uuid, suffix = introspection.uuid, FIELDS[kind]
        digest = getattr(introspection if number is None else self.get(uuid, number), kind)
        if digest is None:
            raise introspection_errors.NoIntrospectionData(key=uuid, what=storage.what(suffix))
        if digest == known:
            return None
        name = suffix if number is None else storage.of_version(suffix, number)
        content = self._intact(uuid, name, digest)
        if content is None and number is None and self.keeps(storage.VERSION):
            same = (each for each in self.versions(uuid) if getattr(each, kind, None) == digest)
            names = (storage.of_version(suffix, version.number) for version in same)
            content = next(filter(None, (self._intact(uuid, name, digest) for name in names)), None)
        return content or Content(digest, None)

    def _intact(self, uuid, suffix, digest):
        """Return the Content of a suffix if it is there and has this SHA-256, else None."""
        try:
            packed = self.backend.packed(uuid, suffix) if storage.offers(self.backend, "packed") else None
            data = self.backend.get(uuid, suffix) if packed is None else packing.unpack(packed)
        except (introspection_errors.NoIntrospectionData, ValueError):
            return None
        return Content(digest, data, packed) if documents.digest(data) == digest else None

    def add(self, row, data, processed, again=False):
        """Store what was found as the present contents and as those of a version; return the changes that make it one.

        ``again`` means that a stored document was processed anew: nobody looked into the machine, and the version
        that has this document gets another processed one.
        """
        contents = dict(zip(SUFFIXES, (data, processed), strict=True))
        if self._options.keep < 2 or not self.keeps(storage.VERSION):
            self.backend.save_all(row, contents)
            return []
        every = self._every(row.uuid)
        last = every[0] if every else None
        digests = {"processed": documents.digest(processed), "unprocessed": documents.digest(data)}
        is_last = bool(again and last and last.finished_at and last.unprocessed == digests["unprocessed"])
        number = last.number + (not is_last) if last else 1
        named = {storage.of_version(suffix, number): content for suffix, content in contents.items()}
        self.backend.save_all(row, named | contents)
        values = digests | {"finished_at": self._store.at(), "source": row.source}
        surplus = hidden(self.versions(row.uuid)[self._options.keep - (not is_last) :])
        if is_last:
            return [store.Update(last, values), *surplus]
        name = {"id": f"{row.uuid}/{number}", "introspection_id": row.uuid, "number": number}
        return [store.Create(models.IntrospectionVersion(**name, **values)), *surplus]

    def trim(self, uuid, lease=None):
        """Remove surplus and hidden versions; those that cannot be removed now are removed the next time."""
        keep = self._options.keep
        if not self.keeps(storage.VERSION):
            return
        try:
            if surplus := hidden(self.versions(uuid)[keep if keep > 1 else 0 :]):
                self._store.commit(*surplus, lease=lease)
            self._remove([version for version in self._every(uuid) if not version.finished_at], lease)
        except errors.ValenceError as error:
            LOG.warning("introspection %s: an old version is removed later: %s", uuid, error.detail)
        except (
            Exception
        ):  # this is an edge: storages come from anywhere, and what was found is stored already
            LOG.exception("introspection %s: an old version is removed later", uuid)

    def hide(self, uuid):
        """Return the changes that hide the versions of a machine, before ``clear`` removes them."""
        if not self.backend.removes:
            name = self._options.storage_backend
            raise introspection_errors.StorageLacks(storage=name, what="remove data")
        return hidden(self.versions(uuid))

    def clear(self, uuid, lease=None):
        """Remove every content of a machine, and its versions."""
        versions = self._every(uuid)
        # A conductor may have died after it stored the contents of the next version.
        self._remove_contents(uuid, versions[0].number + 1 if versions else 1)
        self.backend.delete_all(uuid)
        self._remove(versions, lease)

    def _remove(self, versions, lease):
        for version in versions:
            self._remove_contents(version.introspection_id, version.number)
        with contextlib.suppress(errors.NotFound):  # their introspection was removed meanwhile
            if versions:
                self._store.commit(*map(store.Delete, versions), lease=lease)

    def _remove_contents(self, uuid, number):
        for suffix in SUFFIXES:
            self.backend.delete(uuid, storage.of_version(suffix, number))


def hidden(versions):
    """Return the changes that hide versions."""
    return [store.Update(version, {"finished_at": None}) for version in versions]


def _first(versions, uuid, number=None):
    """Return the version with a number, or the newest; raise NoIntrospectionData."""
    for version in versions:
        if number in (None, version.number):
            return version
    what = "data to compare" if number is None else storage.what(None, number)
    raise introspection_errors.NoIntrospectionData(key=uuid, what=what)
