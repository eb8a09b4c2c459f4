# SPDX-License-Identifier: Apache-2.0
"""The site: all that works on one database."""

from valence.db import types
from valence.db.models import base


class Site(base.ModelBase):
    """The identity of this database, made once, by which the processes of two sites tell each other apart."""

    path = "sites"
    #: the key of the only row
    NAME = "site"
    fields = {
        "name": types.Text("Always 'site'.", max=64, key=True),
        "uuid": types.UUID("Identifier of the site."),
    }
