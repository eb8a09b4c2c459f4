# SPDX-License-Identifier: Apache-2.0
"""The directive ``notification-samples``: every type of event with a sample, made by the code that makes the events."""

import json

from sphinx.util import docutils

from valence.backup import changes
from valence.common import context
from valence.conductor.events import outbox
from valence.db import models
from valence.db.models.event import EVENT_TYPES

USER = context.RequestContext(
    request_id="req-8cc0a1c4-5f3f-4a3c-9f0e-0c6c7c9a3b21", user_id="f6f1b8c2", overwrite=False
)
ITSELF = context.RequestContext(request_id="req-0d1b6f0e-58a4-4f0c-9d0b-6f1e2c3d4a5b", overwrite=False)
POD_MANAGER = models.PodManager(
    uuid="5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11",
    name="row-7",
    url="https://10.0.0.7/redfish/v1",
    status="online",
)
RESOURCE = models.ResourceWithState(
    uuid="0a3ed3f0-6f4f-4f0e-8d8a-8f2b1c9d7e55",
    podm_id=POD_MANAGER.uuid,
    resource_url="/redfish/v1/Systems/System1",
    resource_type="System",
    name="System1",
    health="OK",
    state="Enabled",
    power_state="On",
)
INTROSPECTION = models.Introspection(
    uuid=RESOURCE.uuid,
    podm_id=POD_MANAGER.uuid,
    state="finished",
    started_at="2026-11-21T03:31:40Z",
    finished_at="2026-11-21T03:37:02Z",
)
NODE = models.Node(
    uuid="9d2e1f0a-3b4c-4d5e-8f6a-7b8c9d0e1f2a",
    name="web-3",
    project_id="3c0f",
    podm_id=POD_MANAGER.uuid,
    kind="system",
    state="composing",
    resource_url=RESOURCE.resource_url,
)
DEVICE = {
    "device_id": "7c6f0d5e-2b1a-4c3d-9e8f-0a1b2c3d4e5f",
    "part": "accelerator/0",
    "device_type": "Accelerator",
    "model": "A100",
}
DRIVE = {
    "device_id": "2f6b1c0d-8e7a-4d3b-9c5f-1a2b3c4d5e6f",
    "part": "storage/0",
    "device_type": "Storage",
    "model": "EX-N",
}
LOCKED = "The pod manager at https://10.0.0.7/redfish/v1 failed: Drives/1 is locked."
TAKEN = "The device /redfish/v1/CompositionService/ResourceBlocks/7 is in use: another machine has it."
QUOTA = models.Quota(project_id="3c0f", limits={"nodes": 10})
FLAVOR = models.Flavor(
    uuid="4f1d2c3b-7a6e-4b1c-8d0e-1c2b3a4d5e6f",
    name="compute-large",
    properties={"processor": {"total_cores": 16}, "memory": {"capacity_mib": 32768}},
)
JOB = models.JobAttachment(
    job_id="3c0f:nightly", project_id="3c0f", client_name="node-7", status="running", time_started=1795232222
)
SESSION = models.Session(
    id="3c0f:databases", project_id="3c0f", session_tag=7, status="running", time_start=1795232222
)
COUNTERS = {"seen": 1214, "added": 0, "changed": 1, "removed": 0, "unread": 0}
ERROR = {
    "error": "The pod manager at https://10.0.0.7/redfish/v1 could not be reached: the connection was cut."
}
TIMEOUT = "Introspection timeout"

#: type of event -> who caused it, what was, what is, what is told beyond that
CASES = {
    "pod_manager.create": (USER, None, POD_MANAGER.replace(status="unknown"), None),
    "pod_manager.update": (USER, POD_MANAGER, POD_MANAGER.replace(maintenance=True), None),
    "pod_manager.delete": (USER, POD_MANAGER, None, None),
    "pod_manager.online": (ITSELF, POD_MANAGER.replace(status="offline"), POD_MANAGER, None),
    "pod_manager.offline": (ITSELF, POD_MANAGER, POD_MANAGER.replace(status="offline"), None),
    "pod_manager.sync.start": (USER, None, POD_MANAGER, None),
    "pod_manager.sync.end": (USER, None, POD_MANAGER, COUNTERS),
    "pod_manager.sync.error": (ITSELF, None, POD_MANAGER, ERROR),
    "resource.added": (ITSELF, None, RESOURCE, None),
    "resource.removed": (ITSELF, RESOURCE, None, None),
    "resource.moved": (ITSELF, RESOURCE, RESOURCE.replace(resource_url="/redfish/v1/Systems/System9"), None),
    "resource.state_changed": (ITSELF, RESOURCE, RESOURCE.replace(power_state="Off"), None),
    "introspection.start": (USER, None, INTROSPECTION.replace(state="starting", finished_at=None), None),
    "introspection.end": (ITSELF, None, INTROSPECTION, None),
    "introspection.error": (ITSELF, None, INTROSPECTION.replace(state="error", error=TIMEOUT), None),
    "node.create": (USER, None, NODE, None),
    "node.update": (USER, NODE, NODE.replace(name="web-4"), None),
    "node.state_changed": (ITSELF, NODE, NODE.replace(state="composed"), None),
    "node.device_attached": (ITSELF, None, NODE.replace(state="composed"), DEVICE),
    "node.device_detached": (ITSELF, None, NODE.replace(state="composed"), DEVICE),
    "node.device_erased": (ITSELF, None, NODE.replace(state="decomposing"), DRIVE),
    "node.device_not_erased": (ITSELF, None, NODE.replace(state="decomposing"), DRIVE | {"reason": LOCKED}),
    "node.device_failed": (ITSELF, None, NODE.replace(state="composed"), DEVICE | {"reason": TAKEN}),
    "node.device_recovered": (ITSELF, None, NODE.replace(state="composed"), DEVICE),
    "node.delete": (USER, NODE.replace(state="composed"), None, None),
    "flavor.create": (USER, None, FLAVOR, None),
    "flavor.update": (USER, FLAVOR, FLAVOR.replace(policy="pack"), None),
    "flavor.delete": (USER, FLAVOR, None, None),
    "quota.update": (USER, QUOTA, QUOTA.replace(limits={"nodes": 20, "accelerators": 4}), None),
}
#: the same for the backup service
BACKUP_CASES = {
    "job.create": (None, JOB.replace(status="", time_started=-1)),
    "job.delete": (JOB, None),
    "job.state_changed": (JOB, JOB.replace(status="completed", result="success", time_ended=1795232262)),
    "session.create": (None, SESSION.replace(session_tag=0, status="active", time_start=-1)),
    "session.delete": (SESSION, None),
    "session.start": (SESSION.replace(session_tag=6, status="completed"), SESSION),
    "session.end": (SESSION, SESSION.replace(status="completed", result="success", time_end=1795232262)),
}
EPOCH = 1795228622000
TENANT = changes.Scope("v2", "3c0f", USER.user_id, request_id=USER.request_id)


def payload(event_type, sequence):
    """Return a payload of this type as it is published, with examples for values."""
    kind, happened = event_type.removeprefix("valence.").split(".", 1)
    event = _backup_event(happened) if kind == "backup" else _event(kind, happened)
    identifier = f"c5d1f5b4-0000-4000-8000-{sequence:012d}"
    stored = event.replace(uuid=identifier, sequence=sequence, created_at="2026-11-21T03:37:02Z")
    return stored.payload(EPOCH)


def _event(kind, happened):
    who, old, new, more = CASES[f"{kind}.{happened}"]
    return outbox.event(kind, who, happened, old=old, new=new, more=more).obj


def _backup_event(name):
    kind, happened = name.split(".")
    old, new = BACKUP_CASES[name]
    make = changes.job if kind == "job" else changes.session
    return make(TENANT, happened, old=old, new=new).obj


class NotificationSamples(docutils.SphinxDirective):
    """Shows every type, what it means, and a sample."""

    def run(self):
        """Return what is shown as nodes."""
        return self.parse_text_to_nodes("\n".join(_lines()))


def _lines():
    for number, (name, about) in enumerate(EVENT_TYPES.items(), start=1):
        sample = json.dumps(payload(name, number), indent=2)
        yield from [f".. rubric:: {name}", "", about.doc, "", ".. code-block:: json", ""]
        yield from [*(f"   {line}" for line in sample.splitlines()), ""]


def setup(app):
    """Tell Sphinx of the directive."""
    app.add_directive("notification-samples", NotificationSamples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
