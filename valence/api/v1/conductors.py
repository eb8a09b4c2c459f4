# SPDX-License-Identifier: Apache-2.0
"""Conductors, which have names for keys, and links to what each of them serves and does."""

import re

from valence.api import crud
from valence.api import render
from valence.common import errors
from valence.db import models

_HOSTNAME = re.compile(r"[\w.:-]{1,255}", re.ASCII)


class Show(crud.Show):
    """Shows one conductor."""

    def __init__(self):
        super().__init__(models.Conductor)

    def __call__(self, call, hostname):
        return super().__call__(call, hostname)

    def checked_key(self, key):
        if not _HOSTNAME.fullmatch(key):
            raise errors.NotFound(kind=self.kind, key=key)
        return key

    def links(self, call, row):
        mine = f"conductor={row['hostname']}"
        return [
            *super().links(call, row),
            render.link(call, "pod_managers", f"/v1/pod_managers?{mine}"),
            render.link(call, "operations", f"/v1/operations?{mine}&state=running"),
        ]
