# SPDX-License-Identifier: Apache-2.0
"""Reads of the store, for any model that clients may see."""

from valence.bus import messaging
from valence.bus import wire
from valence.common import errors
from valence.conductor.events import restores
from valence.db import models
from valence.db import store

READABLE = {
    model.__name__: model
    for model in (
        models.PodManager,
        models.ResourceWithState,
        models.Device,
        models.Flavor,
        models.Operation,
        models.Event,
        models.Conductor,
    )
}


class RecordsEndpoint:
    """The namespace ``records`` of ``valence.conductor.client``."""

    namespace = "records"

    def __init__(self, database):
        self._store = database

    @messaging.expose
    def list(self, context, model, query):
        """Return a page of rows, already encoded: the API passes the text through; with events also their epochs."""
        model, limit = READABLE[model], query["limit"]
        # Never the secrets: to decrypt them takes longer than everything else together.
        names = query["fields"] or model.public_fields()
        page = self._store.page(
            model,
            filters=_filters(query["filters"]),
            sort=[store.Sort(*each) for each in query["sort"]],
            marker=query["marker"],
            limit=limit,
            fields=names,
        )
        answer = wire.page(query, *page)
        # Read after the rows: an epoch is stored before its first event.
        return answer | ({"epochs": restores.read(self._store).all} if model is models.Event else {})

    @messaging.expose
    def get(self, context, model, key, fields=None):
        """Return the public fields of one row, or some of them."""
        model = READABLE[model]
        names = fields or model.public_fields()
        found = self._store.list(model, filters=[store.Filter(model.key, "eq", key)], limit=1, fields=names)
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return found[0].public(names)

    @messaging.expose
    def count(self, context, model, filters=()):
        """Return how many rows there are."""
        return self._store.count(READABLE[model], filters=_filters(filters))


def _filters(given):
    return [store.Filter(*each) for each in given]
