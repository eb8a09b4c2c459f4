# SPDX-License-Identifier: Apache-2.0
"""Devices for clients: administrators free a device that could not be erased."""

from valence.bus import messaging
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db.models import device


class DevicesEndpoint:
    """The namespace ``devices`` of ``valence.conductor.client``."""

    namespace = "devices"

    def __init__(self, database):
        self._store = database

    @messaging.expose
    def update(self, context, uuid, values):
        """Change the state of a dirty device to free; one that is free already stays so."""
        row = self._store.get(models.Device, uuid)
        wanted = values.get("state", row.state)
        if wanted == row.state:
            return row.public()
        if (row.state, wanted) != (device.DIRTY, device.FREE):
            reason = f"Its state is {row.state}; only a dirty device can be freed by a client."
            raise errors.Conflict(reason=reason)
        return self._store.commit(store.Update(row, {"state": device.FREE, "reason": None}))[0].public()
