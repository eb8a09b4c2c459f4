# SPDX-License-Identifier: Apache-2.0
"""Versions of documents: what was found in a machine this time, kept beside what was found before.

A version is a row that says that it is there, and two contents in the storage under suffixes of their own. Contents
come before their row and go before it, so that what is listed can be read, and nothing stays that nobody can name.
"""

import contextlib

from oslo_log import log

from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import document as documents
from valence.introspection import storage

LOG = log.getLogger(__name__)

#: what a version consists of
SUFFIXES = (storage.UNPROCESSED, None)


class History:
    """The versions that [processing] keep asks for; to be changed under the lease of the machine's introspection."""

    def __init__(self, conf, database, backend):
        self._options, self._store = conf.processing, database
        #: the storage that holds the present contents too
        self.backend = backend

    def versions(self, uuid):
        """Return the IntrospectionVersions of a machine, the newest first."""
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

    def content(self, version, suffix=None):
        """Return a content of a version; raise NoIntrospectionData, StorageUnavailable."""
        return self.backend.get(version.introspection_id, storage.of_version(suffix, version.number))

    def add(self, row, data, processed, again=False):
        """Store what was found as the present contents and as those of a version; return the changes that make it one.

        ``again`` means that a stored document was processed anew: nobody looked into the machine, and the version
        that has this document gets another processed one.
        """
        contents = dict(zip(SUFFIXES, (data, processed), strict=True))
        if self._options.keep < 2 or not self.backend.keeps:
            self.backend.save_all(row, contents)
            return []
        last = next(iter(self.versions(row.uuid)), None)
        digests = {"processed": documents.digest(processed), "unprocessed": documents.digest(data)}
        is_last = again and last is not None and last.unprocessed == digests["unprocessed"]
        number = last.number + (not is_last) if last else 1
        named = {storage.of_version(suffix, number): content for suffix, content in contents.items()}
        self.backend.save_all(row, named | contents)
        values = digests | {"finished_at": self._store.at(), "source": row.source}
        if is_last:
            return [store.Update(last, values)]
        name = {"id": f"{row.uuid}/{number}", "introspection_id": row.uuid, "number": number}
        return [store.Create(models.IntrospectionVersion(**name, **values))]

    def trim(self, uuid):
        """Remove the versions that are too many; those that cannot be removed now are the next time."""
        keep = self._options.keep
        try:
            for version in self.versions(uuid)[keep if keep > 1 else 0 :]:
                self._remove(uuid, version.number)
                with contextlib.suppress(errors.NotFound):  # whoever removed all data was faster
                    self._store.commit(store.Delete(version))
        except errors.Unavailable as error:
            LOG.warning("introspection %s: an old version is removed later: %s", uuid, error.detail)

    def clear(self, uuid):
        """Remove every content of a machine and return the changes that forget its versions."""
        versions = self.versions(uuid)
        # One further: a conductor may have died after it stored contents and before it said so.
        last = versions[0].number if versions else 0
        for number in [*(version.number for version in versions), last + 1]:
            self._remove(uuid, number)
        self.backend.delete_all(uuid)
        return [store.Delete(version) for version in versions]

    def _remove(self, uuid, number):
        for suffix in SUFFIXES:
            self.backend.delete(uuid, storage.of_version(suffix, number))


def _first(versions, uuid, number=None):
    """Return the version with a number, or the newest; raise NoIntrospectionData."""
    for version in versions:
        if number in (None, version.number):
            return version
    what = "data to compare" if number is None else storage.what(None, number)
    raise introspection_errors.NoIntrospectionData(key=uuid, what=what)
