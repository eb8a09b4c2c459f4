# SPDX-License-Identifier: Apache-2.0
"""A backup of the events of a store, and what a restore of it does to them, on every store."""

from valence.db import models
from valence.db import store

#: what a backup brings back, and whose numbers go back
MODELS = (models.Event, models.Cursor)


class Backup:
    """The events and cursors of a store as they are now."""

    def __init__(self, database):
        self._store = database
        self._rows = {model: database.list(model) for model in MODELS}
        self._last = database.last_number(models.Event)

    def restore(self):
        """Bring them back, as a restored database has them: without what came since, and with the old number."""
        for model in MODELS:
            self._store.commit(*map(store.Delete, self._store.list(model)))
            self._store.load(model, self._rows[model])
        self._store.load(models.Event, [], last_number=self._last)
