# SPDX-License-Identifier: Apache-2.0
"""The dialect on one screen: method, URL, handler, policy rule, and the persona that the rule admits by default.

Version 2 has a project in its URLs, and the rules of Freezer. Freezer's version 1 has neither projects nor a policy:
things belong to their user, and any role that may read or change something elsewhere may do so here.
"""

from oslo_policy import policy

from valence.api.backup import collections
from valence.api.backup import errors
from valence.api.backup import events
from valence.api.backup import home
from valence.api.backup import schemas
from valence.api.backup.collections import Change
from valence.api.backup.collections import ChangeBackup
from valence.api.backup.collections import Create
from valence.api.backup.collections import CreateReport
from valence.api.backup.collections import Delete
from valence.api.backup.collections import List
from valence.api.backup.collections import Replace
from valence.api.backup.collections import Reports
from valence.api.backup.collections import Show
from valence.api.http import handler
from valence.api.http.auth import PUBLIC
from valence.api.http.auth import READER
from valence.api.http.handler import Dialect
from valence.api.http.handler import Route
from valence.api.v1.history import events as v1_events

READ, WRITE, STORE = "rule:valence:backup:reader", "rule:valence:backup:member", "rule:valence:backup:agent"
SERVICE, USER = "rule:valence:backup:service", "rule:valence:backup:user"
PERSONAS = (
    policy.RuleDefault(
        "valence:backup:service", "rule:valence:admin or role:service", "Whoever works for all projects."
    ),
    policy.RuleDefault(
        "valence:backup:member",
        "rule:valence:admin or (role:member and project_id:%(project_id)s)",
        "Whoever may change what belongs to a project.",
    ),
    policy.RuleDefault(
        "valence:backup:agent",
        "rule:valence:backup:member or role:service",
        "Whoever may tell of the backups of a project.",
    ),
    policy.RuleDefault(
        "valence:backup:reader",
        "rule:valence:backup:agent or (role:reader and project_id:%(project_id)s)",
        "Whoever may look at what belongs to a project.",
    ),
    policy.RuleDefault(
        "valence:backup:user",
        "rule:valence:member or role:service",
        "Whoever may use version 1, for things of their own.",
    ),
    policy.RuleDefault(collections.EVERYWHERE, SERVICE, "See the jobs of all projects."),
    policy.RuleDefault(v1_events.OF_PROJECTS, SERVICE, "See the events of all projects in GET /v1/events."),
    policy.RuleDefault(collections.CENTRAL, SERVICE, "Register a client that works for all projects."),
)

REGISTER_CLIENT = collections.Register("clients", schemas.CLIENT)
CREATE_ACTION = Create("actions", schemas.ACTION)
CHANGE_ACTION = Change("actions", schemas.ACTION_CHANGE)
REPLACE_ACTION = Replace("actions", schemas.ACTION)
CREATE_JOB = Create("jobs", schemas.JOB, default={})
CREATE_REPORT = CreateReport("reports", schemas.REPORT)
CHANGE_JOB = Change("jobs", schemas.JOB_CHANGE)
REPLACE_JOB = Replace("jobs", schemas.JOB)
CREATE_SESSION = Create("sessions", schemas.SESSION, is_named=False)
CHANGE_SESSION = Change("sessions", schemas.SESSION_CHANGE)
REPLACE_SESSION = Replace("sessions", schemas.SESSION_REPLACEMENT)
CREATE_BACKUP = Create("backups", schemas.BACKUP, is_named=False)
CHANGE_BACKUP = ChangeBackup("backups", schemas.BACKUP_CHANGE, needs_body=True)

# fmt: off
#: method, URL, handler, rule, who may in version 2
TABLE = (
    ("GET",    "/clients",                         List("clients"),       "clients:get_all",        READ),
    ("POST",   "/clients",                         REGISTER_CLIENT,       "clients:create",         WRITE),
    ("GET",    "/clients/{name}",                  Show("clients"),       "clients:get",            READ),
    ("DELETE", "/clients/{name}",                  Delete("clients"),     "clients:delete",         WRITE),
    ("GET",    "/actions",                         List("actions"),       "actions:get_all",        READ),
    ("POST",   "/actions",                         CREATE_ACTION,         "actions:create",         WRITE),
    ("GET",    "/actions/{name}",                  Show("actions"),       "actions:get",            READ),
    ("PATCH",  "/actions/{name}",                  CHANGE_ACTION,         "actions:update",         WRITE),
    ("POST",   "/actions/{name}",                  REPLACE_ACTION,        "actions:replace",        WRITE),
    ("DELETE", "/actions/{name}",                  Delete("actions"),     "actions:delete",         WRITE),
    ("GET",    "/actions/{name}/reports",          Reports("actions"),    "actions:reports:get",    READ),
    ("GET",    "/jobs",                            List("jobs"),          "jobs:get_all",           READ),
    ("POST",   "/jobs",                            CREATE_JOB,            "jobs:create",            WRITE),
    ("GET",    "/jobs/{name}",                     Show("jobs"),          "jobs:get",               READ),
    ("PATCH",  "/jobs/{name}",                     CHANGE_JOB,            "jobs:update",            WRITE),
    ("POST",   "/jobs/{name}",                     REPLACE_JOB,           "jobs:create",            WRITE),
    ("DELETE", "/jobs/{name}",                     Delete("jobs"),        "jobs:delete",            WRITE),
    ("GET",    "/jobs/{name}/reports",             Reports("jobs"),       "jobs:reports:get",       READ),
    ("POST",   "/jobs/{name}/reports",             CREATE_REPORT,         "jobs:reports:create",    STORE),
    ("POST",   "/jobs/{name}/event",               events.job_event,      "jobs:event:create",      WRITE),
    ("GET",    "/sessions",                        List("sessions"),      "sessions:get_all",       READ),
    ("POST",   "/sessions",                        CREATE_SESSION,        "sessions:create",        WRITE),
    ("GET",    "/sessions/{name}",                 Show("sessions"),      "sessions:get",           READ),
    ("PATCH",  "/sessions/{name}",                 CHANGE_SESSION,        "sessions:update",        WRITE),
    ("POST",   "/sessions/{name}",                 REPLACE_SESSION,       "sessions:replace",       WRITE),
    ("DELETE", "/sessions/{name}",                 Delete("sessions"),    "sessions:delete",        WRITE),
    ("POST",   "/sessions/{name}/action",          events.session_action, "sessions:action:create", WRITE),
    ("PUT",    "/sessions/{name}/jobs/{job_name}", events.add_job,        "sessions:job:add",       WRITE),
    ("DELETE", "/sessions/{name}/jobs/{job_name}", events.remove_job,     "sessions:job:remove",    WRITE),
    ("GET",    "/backups",                         List("backups"),       "backups:get_all",        READ),
    ("POST",   "/backups",                         CREATE_BACKUP,         "backups:create",         STORE),
    ("GET",    "/backups/{name}",                  Show("backups"),       "backups:get",            READ),
    ("PATCH",  "/backups/{name}",                  CHANGE_BACKUP,         "backups:update",         STORE),
    ("DELETE", "/backups/{name}",                  Delete("backups"),     "backups:delete",         STORE),
)
ROUTES = (
    Route("GET", "/",   home.versions, "backup:versions:list", PUBLIC),
    Route("GET", "/v2", home.v2,       "backup:home:show",     READER),
    Route("GET", "/v1", home.v1,       "backup:home:show",     READER),
    *(Route(method, f"/v2/{{project_id}}{url}", handler, f"backup:{rule}", persona)
      for method, url, handler, rule, persona in TABLE),
    *(Route(method, f"/v1{url}", handler, f"backup:v1:{rule}", USER)
      for method, url, handler, rule, persona in TABLE),
)
# fmt: on
DIALECT = Dialect("/backup", ROUTES, handler.check_version, handler.version_headers, errors.respond)
