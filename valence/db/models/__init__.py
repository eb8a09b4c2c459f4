# SPDX-License-Identifier: Apache-2.0
"""Every model of Valence, by name."""

from valence.db.models.base import ModelBase
from valence.db.models.base import ModelBaseWithTimestamp
from valence.db.models.conductor import Conductor
from valence.db.models.event import Cursor
from valence.db.models.event import Event
from valence.db.models.idempotency_key import IdempotencyKey
from valence.db.models.operation import Operation
from valence.db.models.pod_manager import PodManager
from valence.db.models.resource import Resource
from valence.db.models.resource import ResourceState
from valence.db.models.resource import ResourceWithState

#: models with a table of their own, referenced ones first
STORED = (PodManager, Resource, ResourceState, Operation, Event, Cursor, IdempotencyKey, Conductor)

__all__ = (
    "Conductor",
    "Cursor",
    "Event",
    "IdempotencyKey",
    "ModelBase",
    "ModelBaseWithTimestamp",
    "Operation",
    "PodManager",
    "Resource",
    "ResourceState",
    "ResourceWithState",
    "STORED",
)
