# SPDX-License-Identifier: Apache-2.0
"""The whole API on one screen: method, URL, what answers, the rule of the policy that allows it, and to whom."""

from oslo_policy import policy as oslo_policy

from valence.api import crud
from valence.api import health
from valence.api import metrics
from valence.api import openapi
from valence.api import versions
from valence.api.backup import routes as backup
from valence.api.introspection import routes as introspection
from valence.api.route import Route
from valence.api.v1 import conductors
from valence.api.v1 import events
from valence.api.v1 import notifications
from valence.api.v1 import operations
from valence.api.v1 import pod_managers
from valence.api.v1 import resources
from valence.common import policy
from valence.common.policy import ADMIN
from valence.common.policy import MEMBER
from valence.common.policy import PUBLIC
from valence.common.policy import READER
from valence.db.models import Conductor
from valence.db.models import Operation
from valence.db.models import PodManager

SYSTEM = [("resource_type", "System")]
RACK = [("resource_type", "Rack")]
CREATE = crud.Create(PodManager, pod_managers.Form("create"))
OPERATIONS = crud.List(Operation, sort=[["created_at", True]])
UPDATE = crud.Update(PodManager, pod_managers.Form("update"))

# fmt: off
ROUTES = (
    Route("GET",    "/",                        versions.root,                     "versions:list",       PUBLIC),
    Route("GET",    "/v1",                      versions.index,                    "versions:show",       PUBLIC),
    Route("GET",    "/v1/openapi.json",         openapi.Show(lambda: DESCRIBED),   "openapi:show",        PUBLIC),
    Route("GET",    "/healthcheck",             health.healthcheck,                "health:show",         PUBLIC),
    Route("GET",    "/readyz",                  health.readyz,                     "health:ready",        PUBLIC),
    Route("GET",    "/metrics",                 metrics.show,                      "metrics:show",        PUBLIC),
    Route("GET",    "/v1/pod_managers",         crud.List(PodManager),             "pod_managers:list",   READER),
    Route("POST",   "/v1/pod_managers",         CREATE,                            "pod_managers:create", ADMIN),
    Route("GET",    "/v1/pod_managers/{uuid}",  crud.Show(PodManager),             "pod_managers:show",   READER),
    Route("PUT",    "/v1/pod_managers/{uuid}",  UPDATE,                            "pod_managers:update", ADMIN),
    Route("PATCH",  "/v1/pod_managers/{uuid}",  UPDATE,                            "pod_managers:update", ADMIN),
    Route("DELETE", "/v1/pod_managers/{uuid}",  crud.Delete(PodManager),           "pod_managers:delete", ADMIN),
    Route("POST",   "/v1/pod_managers/{uuid}/sync", pod_managers.sync,             "pod_managers:sync",   MEMBER),
    Route("GET",    "/v1/pod_manager/{uuid}",   crud.Show(PodManager),             "pod_managers:show",   READER),
    Route("PUT",    "/v1/pod_manager/{uuid}",   UPDATE,                            "pod_managers:update", ADMIN),
    Route("PATCH",  "/v1/pod_manager/{uuid}",   UPDATE,                            "pod_managers:update", ADMIN),
    Route("DELETE", "/v1/pod_manager/{uuid}",   crud.Delete(PodManager),           "pod_managers:delete", ADMIN),
    Route("POST",   "/v1/pod_manager/{uuid}/sync", pod_managers.sync,              "pod_managers:sync",   MEMBER),
    Route("GET",    "/v1/resources",            resources.List(),                  "resources:list",      READER),
    Route("GET",    "/v1/resources/{uuid}",     resources.Show(),                  "resources:show",      READER),
    Route("GET",    "/v1/systems",              resources.List("systems", SYSTEM), "systems:list",        READER),
    Route("GET",    "/v1/systems/{uuid}",       resources.Show("systems", SYSTEM), "systems:show",        READER),
    Route("GET",    "/v1/racks",                resources.List("racks", RACK),     "racks:list",          READER),
    Route("GET",    "/v1/racks/{uuid}",         resources.Show("racks", RACK),     "racks:show",          READER),
    Route("GET",    "/v1/operations",           OPERATIONS,                        "operations:list",     READER),
    Route("GET",    "/v1/operations/{uuid}",    crud.Show(Operation),              "operations:show",     READER),
    Route("GET",    "/v1/conductors",           crud.List(Conductor),              "conductors:list",     READER),
    Route("GET",    "/v1/conductors/{hostname}", conductors.Show(),                "conductors:show",     READER),
    Route("POST",   "/v1/operations/{uuid}/cancel", operations.cancel,             "operations:cancel",   MEMBER),
    Route("POST",   "/v1/operations/{uuid}/retry", operations.retry,               "operations:retry",    MEMBER),
    Route("GET",    "/v1/events",               events.List(),                     "events:list",         READER),
    Route("GET",    "/v1/notifications",        notifications.listing,             "notifications:list",  READER),
)
# fmt: on
#: rules of the policy that decide what a route shows
RULES = (oslo_policy.RuleDefault(health.DETAILS, READER, "See in GET /readyz what is not ready, and why."),)
#: what ``/v1/openapi.json`` describes
DESCRIBED = (*ROUTES, *backup.ROUTES)


def list_rules():
    """Return every rule of the policy with its default, for oslo.policy's tools."""
    return policy.list_rules((*ROUTES, *backup.ROUTES, *introspection.ROUTES), (*RULES, *backup.PERSONAS))


def get_enforcer():
    """Return the enforcer of the process's configuration, for oslo.policy's tools."""
    return policy.get_enforcer(rules=list_rules())
