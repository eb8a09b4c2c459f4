# SPDX-License-Identifier: Apache-2.0
"""Events: what changed. Stored in the commit of the change, published to the bus afterwards.

Events have numbers, and the numbers have epochs: see `Epoch`.
"""

import bisect
import re
import typing

from valence.db import types
from valence.db.models import base

#: fields that events tell of an object, by its kind
STATES = {
    "pod_manager": ("uuid", "name", "url", "driver", "description", "maintenance", "status", "last_error"),
    "resource": (
        "uuid", "podm_id", "resource_url", "resource_type", "name", "health", "state", "power_state",
    ),
    "introspection": ("uuid", "podm_id", "state", "error", "manage_boot", "started_at", "finished_at"),
    "node": (
        "uuid", "name", "project_id", "podm_id", "kind", "state", "error", "resource_url", "managed_by",
    ),
    "flavor": ("uuid", "name", "description", "properties", "policy"),
    "quota": ("project_id", "limits"),
    "backup_job": (
        "job_id", "project_id", "client_name", "session_id", "event", "status", "result", "time_started", "time_ended",
    ),
    "backup_session": ("id", "project_id", "session_tag", "status", "result", "time_start", "time_end"),
}  # fmt: skip
#: what notifications say of the epoch
EPOCH = types.Integer("When the present count of numbers began; 0 before the first epoch.", min=0)
#: kinds of things that belong to everybody who may read, and kinds whose events name the project that has the thing
SHARED, OF_PROJECTS = ("pod_manager", "resource", "introspection", "flavor"), ("node", "quota")
#: numbers of resources that a synchronization counts
COUNTERS = ("seen", "added", "changed", "removed", "unread")


class EventType(typing.NamedTuple):
    """What an event of one type tells: of which kind of object, and whether it has an old and a new state.

    ``more`` are the fields that the new state has beyond those of the object.
    """

    doc: str
    object_kind: str
    old: bool
    new: bool
    more: typing.Mapping[str, types.Field] = {}


_COUNTED = {name: types.Integer(f"Resources that were {name}.", min=0) for name in COUNTERS}
_OF_DEVICE = {
    "device_id": types.Text("The device: uuid of its resource.", max=36, format="uuid"),
    "device_type": types.Text("What it contributes.", max=32, default=None, example="Accelerator"),
    "model": types.Text("Its model.", default=None, example="A100"),
    "part": types.Text("What it is for.", max=64, example="accelerator/0"),
}
_REASON = {"reason": types.Text("Why.", max=1024, example="The pod manager did not answer.")}
_FAILED = {"error": types.Text("Why it failed.", max=1024, example="The connection was cut.")}

# fmt: off
EVENT_TYPES = {
    "valence.pod_manager.create": EventType("A pod manager was registered.", "pod_manager", False, True),
    "valence.pod_manager.update": EventType("A pod manager was changed by a client.", "pod_manager", True, True),
    "valence.pod_manager.delete": EventType("A pod manager was removed.", "pod_manager", True, False),
    "valence.pod_manager.online": EventType("A pod manager answers (again).", "pod_manager", True, True),
    "valence.pod_manager.offline": EventType("A pod manager does not answer any more.", "pod_manager", True, True),
    "valence.pod_manager.sync.start": EventType("A synchronization began.", "pod_manager", False, True),
    "valence.pod_manager.sync.end": EventType("A synchronization ended well.", "pod_manager", False, True, _COUNTED),
    "valence.pod_manager.sync.error": EventType("A synchronization failed.", "pod_manager", False, True, _FAILED),
    "valence.resource.added": EventType("A resource was found.", "resource", False, True),
    "valence.resource.removed": EventType("A resource is gone.", "resource", True, False),
    "valence.resource.moved": EventType("A resource is found at another URL.", "resource", True, True),
    "valence.resource.state_changed": EventType(
        "Health, state or settled power state of a resource changed.", "resource", True, True,
    ),
    "valence.introspection.start": EventType("An introspection was started.", "introspection", False, True),
    "valence.introspection.end": EventType("An introspection ended well.", "introspection", False, True),
    "valence.introspection.error": EventType(
        "An introspection failed, was aborted or took too long.", "introspection", False, True,
    ),
    "valence.node.create": EventType("A node was requested or adopted.", "node", False, True),
    "valence.node.update": EventType("A node was changed by a client.", "node", True, True),
    "valence.node.state_changed": EventType("The state of a node changed.", "node", True, True),
    "valence.node.device_attached": EventType("A node got a device.", "node", False, True, _OF_DEVICE),
    "valence.node.device_detached": EventType("A node lost a device.", "node", False, True, _OF_DEVICE),
    "valence.node.device_erased": EventType(
        "The drives of a node's storage device were erased.", "node", False, True, _OF_DEVICE,
    ),
    "valence.node.device_not_erased": EventType(
        "The drives of a node's storage device could not be erased.", "node", False, True, _OF_DEVICE | _REASON,
    ),
    "valence.node.device_failed": EventType(
        "A device could not be added or removed, or the machine of its node lost it.",
        "node", False, True, _OF_DEVICE | _REASON,
    ),
    "valence.node.device_recovered": EventType(
        "A device that had failed is as its node needs it again.", "node", False, True, _OF_DEVICE,
    ),
    "valence.node.delete": EventType("A node was released.", "node", True, False),
    "valence.flavor.create": EventType("A flavor was created.", "flavor", False, True),
    "valence.flavor.update": EventType("A flavor was changed.", "flavor", True, True),
    "valence.flavor.delete": EventType("A flavor was removed.", "flavor", True, False),
    "valence.quota.update": EventType("The limits of a project were changed.", "quota", True, True),
    "valence.backup.job.create": EventType("A backup job was created.", "backup_job", False, True),
    "valence.backup.job.delete": EventType("A backup job was removed.", "backup_job", True, False),
    "valence.backup.job.state_changed": EventType(
        "A backup job was asked for something, ran, ended, or changed its session.", "backup_job", True, True,
    ),
    "valence.backup.session.create": EventType("A backup session was created.", "backup_session", False, True),
    "valence.backup.session.delete": EventType("A backup session was removed.", "backup_session", True, False),
    "valence.backup.session.start": EventType("A run of a backup session began.", "backup_session", True, True),
    "valence.backup.session.end": EventType("A run of a backup session ended.", "backup_session", True, True),
}
# fmt: on


class Event(base.ModelBase):
    """A change that others are told of, with the old and the new state."""

    path = "events"
    version = "1.1"
    fields = {
        "uuid": types.UUID("Identifier, by which a double delivery is known.", key=True),
        "sequence": types.Sequence("Place in the order of all events."),
        "event_type": types.Text(
            "What happened.", max=64, write="never", index=True, example="valence.resource.added"
        ),
        "object_kind": types.Text("Kind of thing it happened to.", max=64, write="never", example="resource"),
        "object_id": types.Text("Identifier of that thing.", max=64, write="never", index=True),
        "podm_id": types.Text("Pod manager concerned.", max=36, default=None, write="never", index=True),
        "project_id": types.Text(
            "Project that has that thing; null is everybody's.", max=64, default=None, write="never"
        ),
        "old": types.JSON("What was.", default=None, write="never"),
        "new": types.JSON("What is.", default=None, write="never"),
        "actor": types.Text(
            "Who caused it; null is Valence itself or the hardware.", default=None, write="never"
        ),
        "request_id": types.Text("Request that caused it.", max=64, default=None, write="never"),
        "created_at": types.DateTime("When it was stored.", default=None, write="never", index=True),
    }

    def payload(self, epoch: int) -> dict[str, typing.Any]:
        """Return what is published of the event on the message bus, as a JSON object."""
        return {
            "version": self.version,
            "event_id": self.uuid,
            "epoch": epoch,
            "sequence": self.sequence,
            "object": {"kind": self.object_kind, "id": self.object_id, "podm_id": self.podm_id},
            "old": self.old,
            "new": self.new,
            "actor": self.actor,
            "request_id": self.request_id,
            "timestamp": self.created_at,
        }


class Cursor(base.ModelBaseWithTimestamp):
    """How far a reader of the events has come.

    Cursors whose names begin with ``epoch/`` tell after which event an epoch begins: see
    valence.conductor.events.restores.
    """

    path = "cursors"
    fields = {
        "name": types.Text("The reader.", max=64, key=True),
        "sequence": types.Integer("Last event that it dealt with.", default=0, min=0, write="never"),
    }


_POSITION = re.compile("(?:([0-9]{1,18})-)?([0-9]{1,18})")


class Epoch(typing.NamedTuple):
    """The events numbered above ``after``, up to the next epoch; ``id`` is when it began, in milliseconds since 1970.

    A restored backup takes event numbers back, and each restore begins a new epoch. An event number means something
    only together with the epoch in which it was seen.
    """

    id: int
    after: int


class Position(typing.NamedTuple):
    """A place in the order of events: the number of an event, and an epoch in which it had it; 0 is not known."""

    epoch: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """Return the position that a client was told, None for what is none; an event's number alone is one too."""
        found = _POSITION.fullmatch(text)
        return cls(int(found[1] or 0), int(found[2])) if found else None


class Epochs:
    """The epochs of one database, oldest first."""

    def __init__(self, pairs: typing.Iterable[typing.Any] = ()) -> None:
        self.all = sorted(Epoch(*pair) for pair in pairs)

    @property
    def newest(self) -> int:
        """Return the id of the newest epoch, 0 if there is none."""
        return self.all[-1].id if self.all else 0

    def of(self, number: int) -> int:
        """Return the id of the epoch in which an event has its number, 0 before the first epoch."""
        return max((epoch.id for epoch in self.all if epoch.after < number), default=0)

    def label(self, number: int) -> str:
        """Return what clients are told of the position of an event."""
        epoch = self.of(number)
        return f"{epoch}-{number}" if epoch else str(number)

    def common(self, position: Position) -> int:
        """Return the number of the last event before ``position`` that no restore since then took back."""
        later = bisect.bisect_right(self.all, position.epoch, key=lambda epoch: epoch.id)
        return min([position.number, *(epoch.after for epoch in self.all[later:])])

    def resolve(self, position: Position, newest: int) -> int:
        """Return the number after which a client goes on that comes back with ``position``.

        ``newest`` is the number of the newest event. A number without an epoch that was not given yet, and an epoch
        that is not known though it is the newest, belong to what a restore took back: then the newest epoch is told
        from its beginning.
        """
        is_ahead = not position.epoch and position.number > newest
        is_lost = position.epoch > self.newest
        if self.all and (is_ahead or is_lost):
            return min(position.number, self.all[-1].after)
        return min(self.common(position) if position.epoch else position.number, newest)
