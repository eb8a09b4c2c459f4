# SPDX-License-Identifier: Apache-2.0
"""The storage ``database``: contents as rows, packed, beside everything else that a conductor stores.

What is longer than a row may be has further parts. They are stored before the row that names them, so that a
reader sees a content whole or not at all, and nobody needs a transaction that is larger than one part.
"""

import contextlib
import uuid

from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing
from valence.db import models
from valence.db import store
from valence.db.models import introspection
from valence.introspection.storages import storage

#: how often a row is read again because another request replaced it at that moment
TRIES = 10
#: errors of a commit to rows that another request wrote at the same time
CONFLICTS = (errors.RevisionMismatch, errors.Duplicate)
PAGE = 500
#: the fields of a row that are small
HEAD = [name for name in models.IntrospectionData.fields if name != "data"]


class DatabaseStorage(storage.StorageBackend):
    """Keeps contents in the store."""

    def __init__(self, conf, database):
        self._store = database

    def get(self, node_id, suffix=None):
        return packing.unpack(self.packed(node_id, suffix))

    def packed(self, node_id, suffix=None):
        for _ in range(TRIES):
            row = self._row(node_id, suffix)
            parts = self._parts(row) if row.parts else []
            if len(parts) == row.parts:
                return "".join([row.data, *(part.data for part in parts)])
        raise introspection_errors.StorageUnavailable(
            storage="database", reason=f"parts of {row.id} are missing"
        )

    def save(self, node_info, data, suffix=None):
        self.save_all(node_info, {suffix: data})

    def save_all(self, node_info, contents):
        together, length = {}, 0
        for suffix, data in contents.items():
            values = self._values(data)
            length += len(values["data"])
            if together and length > introspection.PART_LENGTH:
                self._replace(node_info.uuid, together)
                together, length = {}, len(values["data"])
            together[suffix] = values
        self._replace(node_info.uuid, together)

    def delete(self, node_id, suffix=None):
        with contextlib.suppress(introspection_errors.NoIntrospectionData, errors.NotFound):
            store.again(lambda: self._delete(storage.content_name(node_id, suffix)))

    def exists(self, node_id, suffix=None):
        try:
            name = [store.Filter("id", "eq", storage.content_name(node_id, suffix))]
        except introspection_errors.NoIntrospectionData:
            return False
        return bool(self._store.count(models.IntrospectionData, filters=name))

    def names(self):
        marker = None
        while rows := self._store.list(
            models.IntrospectionData, marker=marker, limit=PAGE, fields=["id", "uuid"]
        ):
            yield from (storage.split_name(row.id) for row in rows)
            marker = rows[-1].id

    def purge(self):
        old = [store.Filter("created_at", "lt", self._store.at(-storage.KEPT))]
        marker, fields = None, ["uuid", "content_id"]
        while parts := self._store.list(
            models.IntrospectionDataPart, filters=old, marker=marker, limit=PAGE, fields=fields
        ):
            marker = parts[-1].uuid
            owned = self._owned({part.content_id for part in parts})
            self._remove([part for part in parts if part.content_id not in owned])

    def _owned(self, content_ids):
        """Return those of the identifiers that a row names."""
        wanted = [store.Filter("content_id", "in", sorted(content_ids))]
        found = self._store.list(models.IntrospectionData, filters=wanted, fields=["id", "content_id"])
        return {row.content_id for row in found}

    def _remove(self, parts):
        try:
            if parts:
                self._store.commit(*map(store.Delete, parts))
        except errors.NotFound:
            pass  # whoever replaced or removed the content was faster; the others are removed next time

    def _delete(self, name):
        for row in self._heads([name]).values():
            self._store.commit(store.Delete(row), *self._without(row))

    def _row(self, node_id, suffix):
        try:
            return self._store.get(models.IntrospectionData, storage.content_name(node_id, suffix))
        except errors.NotFound:
            raise introspection_errors.NoIntrospectionData(key=node_id, what=storage.what(suffix)) from None

    def _parts(self, row, fields=None):
        mine = [store.Filter("content_id", "eq", row.content_id)]
        return self._store.list(
            models.IntrospectionDataPart, filters=mine, sort=[store.Sort("number")], fields=fields
        )

    def _values(self, data):
        """Store the further parts of a content and return the fields of its row."""
        first, *others = packing.split(packing.pack(data), introspection.PART_LENGTH)
        content_id = str(uuid.uuid4())
        for number, part in enumerate(others, start=1):
            row = models.IntrospectionDataPart(content_id=content_id, number=number, data=part)
            self._store.commit(store.Create(row))
        return {"data": first, "content_id": content_id, "parts": len(others)}

    def _replace(self, node_id, contents):
        """Write the rows of contents, ``{suffix: fields}``, in one commit."""
        try:
            store.again(lambda: self._commit(node_id, contents), expected=CONFLICTS)
        except CONFLICTS:
            reason = f"{node_id} is written by many"
            raise introspection_errors.StorageUnavailable(storage="database", reason=reason) from None

    def _commit(self, node_id, contents):
        try:
            self._store.commit(*self._changes(node_id, contents))
        except errors.NotFound as error:
            if error.kwargs["kind"] == models.Introspection.kind:
                raise
            raise errors.RevisionMismatch(**error.kwargs) from None  # parts that another request replaced

    def _changes(self, node_id, contents):
        names = {suffix: storage.content_name(node_id, suffix) for suffix in contents}
        present, changes = self._heads(names.values()), []
        for suffix, values in contents.items():
            if row := present.get(names[suffix]):
                changes += [store.Update(row, values), *self._without(row)]
            else:
                about = {"id": names[suffix], "uuid": node_id, "processed": suffix is None}
                changes.append(store.Create(models.IntrospectionData(**about, **values)))
        return changes

    def _heads(self, names):
        """Return the rows with these names, without their data."""
        wanted = [store.Filter("id", "in", list(names))]
        rows = self._store.list(models.IntrospectionData, filters=wanted, fields=HEAD)
        return {row.id: row for row in rows}

    def _without(self, row):
        """Return the removal of the further parts of a row."""
        return (
            [store.Delete(part) for part in self._parts(row, fields=["uuid", "content_id"])]
            if row.parts
            else []
        )
