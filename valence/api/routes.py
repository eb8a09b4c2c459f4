# SPDX-License-Identifier: Apache-2.0
"""The API on one screen: method, URL, handler, policy rule, and the persona that the rule admits by default.

DIALECTS adds the tables of the other dialects, which are in their own packages.
"""

from oslo_policy import policy as oslo_policy

from valence.api.backup import routes as backup
from valence.api.http import auth
from valence.api.http import handler
from valence.api.http import health
from valence.api.http import versions
from valence.api.http.auth import ADMIN
from valence.api.http.auth import MEMBER
from valence.api.http.auth import PUBLIC
from valence.api.http.auth import READER
from valence.api.http.handler import Dialect
from valence.api.http.handler import Route
from valence.api.introspection import routes as introspection
from valence.api.model import crud
from valence.api.model import openapi
from valence.api.ui import rack_picture
from valence.api.v1 import devices
from valence.api.v1 import flavors
from valence.api.v1 import node_registration
from valence.api.v1 import nodes
from valence.api.v1 import operations
from valence.api.v1 import original
from valence.api.v1 import pod_managers
from valence.api.v1 import quotas
from valence.api.v1 import resources
from valence.api.v1.history import events
from valence.api.v1.history import notifications
from valence.db.models import Conductor
from valence.db.models import Flavor
from valence.db.models import PodManager

SYSTEM = [("resource_type", "System")]
RACK = [("resource_type", "Rack")]
STORAGE = [("device_type", "Storage")]
CREATE = crud.Create(PodManager, pod_managers.FORMS["create"])
UPDATE = crud.Update(PodManager, pod_managers.FORMS["update"])

# fmt: off
ROUTES = (
    Route("GET",    "/",                            versions.root,                     "versions:list",       PUBLIC),
    Route("GET",    "/v1",                          versions.index,                    "versions:show",       PUBLIC),
    Route("GET",    "/v1/openapi.json",             openapi.Show(lambda: DESCRIBED),   "openapi:show",        PUBLIC),
    Route("GET",    "/healthcheck",                 health.healthcheck,                "health:show",         PUBLIC),
    Route("GET",    "/readyz",                      health.readyz,                     "health:ready",        PUBLIC),
    Route("GET",    "/metrics",                     health.metrics,                    "metrics:show",        PUBLIC),
    Route("GET",    "/v1/pod_managers",             crud.List(PodManager),             "pod_managers:list",   READER),
    Route("POST",   "/v1/pod_managers",             CREATE,                            "pod_managers:create", ADMIN),
    Route("GET",    "/v1/pod_managers/{uuid}",      crud.Show(PodManager),             "pod_managers:show",   READER),
    Route("PUT",    "/v1/pod_managers/{uuid}",      UPDATE,                            "pod_managers:update", ADMIN),
    Route("PATCH",  "/v1/pod_managers/{uuid}",      UPDATE,                            "pod_managers:update", ADMIN),
    Route("DELETE", "/v1/pod_managers/{uuid}",      crud.Delete(PodManager),           "pod_managers:delete", ADMIN),
    Route("POST",   "/v1/pod_managers/{uuid}/sync", pod_managers.sync,                 "pod_managers:sync",   MEMBER),
    Route("GET",    "/v1/pod_manager/{uuid}",       crud.Show(PodManager),             "pod_managers:show",   READER),
    Route("PUT",    "/v1/pod_manager/{uuid}",       UPDATE,                            "pod_managers:update", ADMIN),
    Route("PATCH",  "/v1/pod_manager/{uuid}",       UPDATE,                            "pod_managers:update", ADMIN),
    Route("DELETE", "/v1/pod_manager/{uuid}",       crud.Delete(PodManager),           "pod_managers:delete", ADMIN),
    Route("POST",   "/v1/pod_manager/{uuid}/sync",  pod_managers.sync,                 "pod_managers:sync",   MEMBER),
    Route("GET",    "/v1/resources",                resources.List(),                  "resources:list",      READER),
    Route("GET",    "/v1/resources/{uuid}",         resources.Show(),                  "resources:show",      READER),
    Route("GET",    "/v1/systems",                  resources.List("systems", SYSTEM), "systems:list",        READER),
    Route("GET",    "/v1/systems/{uuid}",           resources.Show("systems", SYSTEM), "systems:show",        READER),
    Route("GET",    "/v1/systems/{uuid}/inventory", original.inventory,                "systems:inventory",   READER),
    Route("GET",    "/v1/racks",                    resources.List("racks", RACK),     "racks:list",          READER),
    Route("GET",    "/v1/racks/{uuid}",             resources.Show("racks", RACK),     "racks:show",          READER),
    Route("GET",    "/v1/racks/{uuid}.svg",         rack_picture.show,                "racks:show",          READER),
    Route("GET",    "/v1/devices",                  devices.List("devices"),           "devices:list",        READER),
    Route("GET",    "/v1/devices/{uuid}",           devices.Show("devices"),           "devices:show",        READER),
    Route("PATCH",  "/v1/devices/{uuid}",           devices.Update(),                  "devices:update",      ADMIN),
    Route("POST",   "/v1/devices/sync",             original.sync,                     "devices:sync",        MEMBER),
    Route("GET",    "/v1/pooled",                   original.Pooled(),                 "devices:list",        READER),
    Route("GET",    "/v1/pooled/{uuid}",            devices.Show("devices"),           "devices:show",        READER),
    Route("GET",    "/v1/storages",                 devices.List("storages", STORAGE), "storages:list",       READER),
    Route("GET",    "/v1/storages/{uuid}",          devices.Show("storages", STORAGE), "storages:show",       READER),
    Route("GET",    "/v1/flavors",                  crud.List(Flavor),                 "flavors:list",        READER),
    Route("POST",   "/v1/flavors",                  flavors.CREATE,                    "flavors:create",      ADMIN),
    Route("GET",    "/v1/flavors/{uuid}",           crud.Show(Flavor),                 "flavors:show",        READER),
    Route("PUT",    "/v1/flavors/{uuid}",           flavors.UPDATE,                    "flavors:update",      ADMIN),
    Route("PATCH",  "/v1/flavors/{uuid}",           flavors.UPDATE,                    "flavors:update",      ADMIN),
    Route("DELETE", "/v1/flavors/{uuid}",           crud.Delete(Flavor),               "flavors:delete",      ADMIN),
    Route("GET",    "/v1/quotas",                   quotas.List(),                     "quotas:list",         READER),
    Route("GET",    "/v1/quotas/{project_id}",      quotas.Show(),                     "quotas:show",         READER),
    Route("PUT",    "/v1/quotas/{project_id}",      quotas.update,                     "quotas:update",       ADMIN),
    Route("PATCH",  "/v1/quotas/{project_id}",      quotas.update,                     "quotas:update",       ADMIN),
    Route("GET",    "/v1/nodes",                    nodes.List(),                      "nodes:list",          READER),
    Route("POST",   "/v1/nodes",                    nodes.create,                      "nodes:create",        MEMBER),
    Route("POST",   "/v1/nodes/manage",             nodes.manage,                      "nodes:manage",        ADMIN),
    Route("GET",    "/v1/nodes/{node}",             nodes.Show(),                      "nodes:show",          READER),
    Route("PUT",    "/v1/nodes/{node}",             nodes.update,                      "nodes:update",        MEMBER),
    Route("PATCH",  "/v1/nodes/{node}",             nodes.update,                      "nodes:update",        MEMBER),
    Route("DELETE", "/v1/nodes/{node}",             nodes.delete,                      "nodes:delete",        MEMBER),
    Route("POST",   "/v1/nodes/{node}/action",      nodes.action,                      "nodes:action",        MEMBER),
    Route("POST",   "/v1/nodes/{node}/register",    node_registration.register,        "nodes:register",      ADMIN),
    Route("POST",   "/v1/nodes/{node}/unregister",  node_registration.unregister,      "nodes:unregister",    ADMIN),
    Route("GET",    "/v1/nodes/{node}/devices",     nodes.devices,                     "nodes:devices",       READER),
    Route("GET",    "/v1/nodes/{node}/storages",    original.storages,                 "nodes:devices",       READER),
    Route("GET",    "/v1/nodes/{node}/assets",      original.assets,                   "nodes:assets",        READER),
    Route("GET",    "/v1/operations",               operations.List(),                 "operations:list",     READER),
    Route("GET",    "/v1/operations/{uuid}",        operations.SHOW,                   "operations:show",     READER),
    Route("GET",    "/v1/conductors",               crud.List(Conductor),              "conductors:list",     READER),
    Route("GET",    "/v1/conductors/{hostname}",    pod_managers.Show(),               "conductors:show",     READER),
    Route("POST",   "/v1/operations/{uuid}/cancel", operations.cancel,                 "operations:cancel",   MEMBER),
    Route("POST",   "/v1/operations/{uuid}/retry",  operations.retry,                  "operations:retry",    MEMBER),
    Route("GET",    "/v1/events",                   events.List(),                     "events:list",         READER),
    Route("GET",    "/v1/notifications",            notifications.listing,             "notifications:list",  READER),
)
# fmt: on
#: rules of the policy that decide what a route shows
RULES = (
    oslo_policy.RuleDefault(health.DETAILS, READER, "See in GET /readyz what is not ready, and why."),
    oslo_policy.RuleDefault(nodes.OF_PROJECTS, ADMIN, "See and change the nodes of all projects."),
    oslo_policy.RuleDefault(
        nodes.PLACED, MEMBER, "Name the devices, the pod manager or the zone of a new node."
    ),
    oslo_policy.RuleDefault(nodes.FORCE, ADMIN, "Release a node although an operation or a service has it."),
    oslo_policy.RuleDefault(quotas.OF_PROJECTS, ADMIN, "See the quotas of all projects."),
    oslo_policy.RuleDefault(operations.OF_PROJECTS, ADMIN, "See and change the operations of all projects."),
)
#: Valence's own dialect, at the root, and the others
DIALECTS = (
    Dialect("", ROUTES, handler.check_version, handler.version_headers, handler.respond),
    backup.DIALECT,
    introspection.DIALECT,
)
#: every route with its whole URL, as ``/v1/openapi.json`` describes it
DESCRIBED = tuple(route for dialect in DIALECTS for route in dialect.described())


def list_rules():
    """Return every rule of the policy with its default, for oslo.policy's tools."""
    return auth.list_rules(DESCRIBED, (*RULES, *backup.PERSONAS))


def get_enforcer():
    """Return the enforcer of the process's configuration, for oslo.policy's tools."""
    return auth.get_enforcer(rules=list_rules())
