# SPDX-License-Identifier: Apache-2.0
"""Devices: what nodes can be made of, with ``?detail=true`` each with its live Redfish document."""

import dataclasses

from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.api.model import schemas
from valence.api.v1 import nodes
from valence.api.v1 import resources
from valence.common import errors
from valence.db import models
from valence.db.models import device

#: the field that names a node, which may be another project's
_NODE = "node_id"


class List(resources.List):
    """Shows a page of devices; which node has one is shown to who may see the nodes of all projects."""

    model = models.Device

    def rows(self, call, asked):
        if call.policy.allows(nodes.OF_PROJECTS, call.context):
            return super().rows(call, asked)
        given = [*(each[0] for each in (*asked.filters, *asked.sort)), *(asked.fields or ())]
        if _NODE in given:
            raise errors.Forbidden(rule=nodes.OF_PROJECTS)
        fields = asked.fields or [name for name in models.Device.public_fields() if name != _NODE]
        return super().rows(call, asked._replace(fields=fields))


class Show(resources.Show):
    """Shows one device, with a link to its resource."""

    model = models.Device

    def row(self, call, uuid):
        row = super().row(call, uuid)
        return row if call.policy.allows(nodes.OF_PROJECTS, call.context) else row | {_NODE: None}

    def links(self, call, row):
        return [*super().links(call, row), handler.link(call, "resource", f"/v1/resources/{row['uuid']}")]


class Update(crud.Update):
    """Frees a device that could not be erased; devices have no revision."""

    def __init__(self):
        state = models.Device.fields["state"].schema() | {"enum": [device.FREE]}
        super().__init__(models.Device, schemas.Validator(models.Device, "update", {"state": state}))

    def __call__(self, call, uuid):
        query.options(call.raw_query, {})
        key = crud.checked_key(self.model.kind, uuid)
        document = request_body.read(call.http, self.media_types, call.settings.limits)
        values = self._form.values(document, call.settings.max_json_depth)
        row = call.conductor.devices.update(call.context, key, values)
        return handler.document(call, crud.with_links(call, self, row))

    summary = "Free a device that could not be erased: its state changes from dirty to free."

    @property
    def description(self):
        return dataclasses.replace(super().description, parameters=(), failures=(400, 404, 409, 413, 415))
