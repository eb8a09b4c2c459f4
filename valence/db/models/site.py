# SPDX-License-Identifier: Apache-2.0
"""Models of the site itself: its identity, its conductors, and idempotency keys."""

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


#: group of conductors, and of pod managers, that were not given one
DEFAULT_GROUP = "default"


class Conductor(base.ModelBaseWithTimestamp):
    """A conductor that has registered itself; whether it lives is what the others saw last."""

    path = "conductors"
    fields = {
        "hostname": types.Text("Its name, the option host.", key=True, example="conductor-1"),
        "alive": types.Boolean("Whether it works.", default=True, write="never", index=True),
        "conductor_groups": types.JSON(
            "Groups of pod managers that it serves.",
            json_type="array",
            items={"type": "string"},
            default=[],
            write="never",
        ),
        "version": types.Text("Version of Valence that it runs.", max=64, default="", write="never"),
        "pod_managers": types.Integer("Pod managers that it serves.", default=0, min=0, write="never"),
        "started_at": types.DateTime("When it was started.", default=None, write="never"),
        "heartbeat_at": types.DateTime("When it last said that it lives.", default=None, write="never"),
    }


class IdempotencyKey(base.ModelBase):
    """A POST that was done, by the key its client gave it; kept for a day."""

    path = "idempotency_keys"
    fields = {
        "key": types.Text("Digest of the actor, the URL and the client's key.", max=64, key=True),
        "request": types.Text("Digest of the request's body.", max=64, write="never"),
        "answer": types.JSON("What the request was answered with.", default={}, write="never"),
        "created_at": types.DateTime("When it was done.", default=None, write="never", index=True),
    }
