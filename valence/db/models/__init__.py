# SPDX-License-Identifier: Apache-2.0
"""Every model of Valence, by name."""

from valence.db.models.backup import Backup
from valence.db.models.backup_action import Action
from valence.db.models.backup_client import Client
from valence.db.models.backup_job import ActionAttachment
from valence.db.models.backup_job import ActionReport
from valence.db.models.backup_job import AttachedJob
from valence.db.models.backup_job import Job
from valence.db.models.backup_job import JobAttachment
from valence.db.models.backup_session import Session
from valence.db.models.base import ModelBase
from valence.db.models.base import ModelBaseWithTimestamp
from valence.db.models.conductor import Conductor
from valence.db.models.event import Cursor
from valence.db.models.event import Event
from valence.db.models.idempotency_key import IdempotencyKey
from valence.db.models.introspection import Introspection
from valence.db.models.introspection import IntrospectionAddress
from valence.db.models.introspection import IntrospectionData
from valence.db.models.introspection import IntrospectionDataPart
from valence.db.models.introspection import IntrospectionVersion
from valence.db.models.introspection_rule import IntrospectionRule
from valence.db.models.operation import Operation
from valence.db.models.pod_manager import PodManager
from valence.db.models.resource import RemovedResource
from valence.db.models.resource import Resource
from valence.db.models.resource import ResourceState
from valence.db.models.resource import ResourceWithState
from valence.db.models.site import Site
from valence.db.models.subscription_removal import SubscriptionRemoval

#: models with a table of their own, referenced ones first
STORED = (
    PodManager,
    Resource,
    ResourceState,
    Operation,
    Event,
    Cursor,
    IdempotencyKey,
    Conductor,
    Client,
    Action,
    Session,
    Job,
    JobAttachment,
    ActionAttachment,
    ActionReport,
    Backup,
    Introspection,
    IntrospectionAddress,
    IntrospectionData,
    IntrospectionDataPart,
    IntrospectionVersion,
    IntrospectionRule,
    Site,
    SubscriptionRemoval,
    RemovedResource,
)

__all__ = (
    "Action",
    "ActionAttachment",
    "ActionReport",
    "AttachedJob",
    "Backup",
    "Client",
    "Conductor",
    "Cursor",
    "Event",
    "IdempotencyKey",
    "Introspection",
    "IntrospectionAddress",
    "IntrospectionData",
    "IntrospectionDataPart",
    "IntrospectionRule",
    "IntrospectionVersion",
    "Job",
    "JobAttachment",
    "ModelBase",
    "ModelBaseWithTimestamp",
    "Operation",
    "PodManager",
    "RemovedResource",
    "Resource",
    "ResourceState",
    "ResourceWithState",
    "STORED",
    "Session",
    "Site",
    "SubscriptionRemoval",
)
