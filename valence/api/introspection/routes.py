# SPDX-License-Identifier: Apache-2.0
"""The dialect on one screen: method, URL, handler, policy rule, and the persona that the rule admits by default."""

from valence.api.http.auth import ADMIN
from valence.api.http.auth import PUBLIC
from valence.api.http.auth import READER
from valence.api.http.handler import Dialect
from valence.api.http.handler import Route
from valence.api.introspection import dialect
from valence.api.introspection import documents
from valence.api.introspection import rules
from valence.api.introspection import statuses

#: where a machine's introspection is
ONE = "/v1/introspection/{machine}"

# fmt: off
ROUTES = (
    Route("GET",    "/",                       dialect.root,                 "introspection:versions",    PUBLIC),
    Route("GET",    "/{version}",              dialect.index,                "introspection:versions",    PUBLIC),
    Route("POST",   "/v1/continue",            documents.receive,             "introspection:continue",    PUBLIC),
    Route("GET",    "/v1/introspection",       statuses.listing,              "introspection:status",      READER),
    Route("GET",    ONE,                       statuses.show,                 "introspection:status",      READER),
    Route("POST",   ONE,                       statuses.start,                "introspection:start",       ADMIN),
    Route("POST",   f"{ONE}/abort",            statuses.abort,                "introspection:abort",       ADMIN),
    Route("GET",    f"{ONE}/data",             documents.Show("processed"),   "introspection:data",        ADMIN),
    Route("DELETE", f"{ONE}/data",             documents.delete,              "introspection:delete",      ADMIN),
    Route("GET",    f"{ONE}/data/versions",    documents.versions,            "introspection:data",        ADMIN),
    Route("GET",    f"{ONE}/data/difference",  documents.difference,          "introspection:data",        ADMIN),
    Route("GET",    f"{ONE}/data/unprocessed", documents.Show("unprocessed"), "introspection:data",        ADMIN),
    Route("POST",   f"{ONE}/data/unprocessed", documents.reapply,             "introspection:reapply",     ADMIN),
    Route("GET",    "/v1/rules",               rules.listing,                 "introspection:rule:get",    ADMIN),
    Route("POST",   "/v1/rules",               rules.create,                  "introspection:rule:create", ADMIN),
    Route("DELETE", "/v1/rules",               rules.clear,                   "introspection:rule:delete", ADMIN),
    Route("POST",   "/v1/rules/{uuid}",        rules.create,                  "introspection:rule:create", ADMIN),
    Route("GET",    "/v1/rules/{uuid}",        rules.show,                    "introspection:rule:get",    ADMIN),
    Route("DELETE", "/v1/rules/{uuid}",        rules.delete,                  "introspection:rule:delete", ADMIN),
    Route("GET",    f"{ONE}/logs",             documents.LOGS,                "introspection:logs",        ADMIN),
)
# fmt: on
DIALECT = Dialect(
    mount=dialect.MOUNT,
    routes=ROUTES,
    version=dialect.asked,
    headers=dialect.headers,
    respond=dialect.respond,
    render=dialect.render,
    checks_accept=False,
    bodies="processing",
)
