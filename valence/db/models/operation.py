# SPDX-License-Identifier: Apache-2.0
"""Operations: work that outlives a request, and whoever works on it."""

from valence.db import types
from valence.db.models import base

ENDED = ("succeeded", "failed", "cancelled")
#: schema of a step
STEP = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("name", "state", "conductor")}
    | {name: {"type": ["string", "null"], "format": "date-time"} for name in ("started_at", "ended_at")},
}


class Operation(base.ModelBaseWithTimestamp):
    """A piece of work that was asked for, what became of it, and why."""

    path = "operations"
    version = "1.3"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "operation_kind": types.Text("What is done.", max=64, write="never", index=True, example="sync"),
        "target_kind": types.Text(
            "Kind of thing it is done to.", max=64, write="never", example="pod_manager"
        ),
        "target_id": types.Text("Identifier of that thing.", max=64, write="never", index=True),
        "project_id": types.Text(
            "Project that has that thing; null is everybody's.", max=64, default=None, write="never"
        ),
        "state": types.Choice(
            "Where it stands.", ["pending", "running", *ENDED], default="pending", write="never", index=True
        ),
        "steps": types.JSON(
            "What is done one after the other: name, state, conductor, started_at, ended_at.",
            json_type="array",
            items=STEP,
            default=[],
            write="never",
        ),
        "progress": types.JSON("Counters of the work so far.", default={}, write="never"),
        "result": types.Text(
            "How much was done of what succeeded: complete, or partial if parts of the pod manager could not be read; "
            "progress.unread says how many.",
            max=16,
            default=None,
            write="never",
            example="complete",
        ),
        "cause": types.Text("Why it failed.", max=1024, default=None, write="never"),
        "hint": types.Text("What to do about that.", max=1024, default=None, write="never"),
        "actor": types.Text("Who asked for it; null is Valence itself.", default=None, write="never"),
        "request_id": types.Text("Request that asked for it.", max=64, default=None, write="never"),
        "conductor": types.Text("Conductor that works, or worked, on it.", default=None, write="never"),
        "attempts": types.Integer("How often a conductor began with it.", default=0, min=0, write="never"),
        "cancel_requested_at": types.DateTime(
            "When somebody asked to cancel it while it ran.", default=None, write="never"
        ),
        "started_at": types.DateTime("When the work began.", default=None, write="never"),
        "ended_at": types.DateTime("When the work ended.", default=None, write="never", index=True),
    }
    indexes = (("state", "created_at"),)
