# SPDX-License-Identifier: Apache-2.0
"""Every model of Valence, by name."""

from valence.db.models.backup import Action
from valence.db.models.backup import ActionAttachment
from valence.db.models.backup import ActionReport
from valence.db.models.backup import AttachedJob
from valence.db.models.backup import Backup
from valence.db.models.backup import Client
from valence.db.models.backup import Job
from valence.db.models.backup import JobAttachment
from valence.db.models.backup import Session
from valence.db.models.base import LookedUp
from valence.db.models.base import ModelBase
from valence.db.models.base import ModelBaseWithTimestamp
from valence.db.models.device import Device
from valence.db.models.device import Zoning
from valence.db.models.event import Cursor
from valence.db.models.event import Event
from valence.db.models.flavor import Flavor
from valence.db.models.introspection import Introspection
from valence.db.models.introspection import IntrospectionAddress
from valence.db.models.introspection import IntrospectionData
from valence.db.models.introspection import IntrospectionDataPart
from valence.db.models.introspection import IntrospectionRule
from valence.db.models.introspection import IntrospectionVersion
from valence.db.models.node import Claim
from valence.db.models.node import Node
from valence.db.models.node import NodeDevice
from valence.db.models.node import NodeWithState
from valence.db.models.operation import Operation
from valence.db.models.pod_manager import PodManager
from valence.db.models.pod_manager import SubscriptionRemoval
from valence.db.models.quota import Quota
from valence.db.models.quota import QuotaWithUse
from valence.db.models.resource import RemovedResource
from valence.db.models.resource import Resource
from valence.db.models.resource import ResourceState
from valence.db.models.resource import ResourceWithState
from valence.db.models.site import Conductor
from valence.db.models.site import IdempotencyKey
from valence.db.models.site import Site

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
    Node,
    Claim,
    Device,
    Zoning,
    Flavor,
    Quota,
)

__all__ = (
    "Action",
    "ActionAttachment",
    "ActionReport",
    "AttachedJob",
    "Backup",
    "Claim",
    "Client",
    "Conductor",
    "Cursor",
    "Device",
    "Event",
    "Flavor",
    "IdempotencyKey",
    "Introspection",
    "IntrospectionAddress",
    "IntrospectionData",
    "IntrospectionDataPart",
    "IntrospectionRule",
    "IntrospectionVersion",
    "Job",
    "JobAttachment",
    "LookedUp",
    "ModelBase",
    "ModelBaseWithTimestamp",
    "Node",
    "NodeDevice",
    "NodeWithState",
    "Operation",
    "PodManager",
    "Quota",
    "QuotaWithUse",
    "RemovedResource",
    "Resource",
    "ResourceState",
    "ResourceWithState",
    "STORED",
    "Session",
    "Site",
    "SubscriptionRemoval",
    "Zoning",
)
