# SPDX-License-Identifier: Apache-2.0
"""The dialect on one screen: method, URL, what answers, the rule of the policy that allows it, and to whom."""

from valence.api.introspection import data
from valence.api.introspection import rules
from valence.api.introspection import statuses
from valence.api.introspection import versions
from valence.api.route import Route
from valence.common.policy import ADMIN
from valence.common.policy import PUBLIC
from valence.common.policy import READER

#: where a machine's introspection is
ONE = "/v1/introspection/{machine}"

# fmt: off
ROUTES = (
    Route("GET",    "/",                              versions.root,            "introspection:versions", PUBLIC),
    Route("GET",    "/{version}",                     versions.index,           "introspection:versions", PUBLIC),
    Route("POST",   "/v1/continue",                   data.receive,             "introspection:continue", PUBLIC),
    Route("GET",    "/v1/introspection",              statuses.listing,         "introspection:status",   READER),
    Route("GET",    ONE,                              statuses.show,            "introspection:status",   READER),
    Route("POST",   ONE,                              statuses.start,           "introspection:start",    ADMIN),
    Route("POST",   f"{ONE}/abort",                   statuses.abort,           "introspection:abort",    ADMIN),
    Route("GET",    f"{ONE}/data",                    data.Show("processed"),   "introspection:data",     ADMIN),
    Route("DELETE", f"{ONE}/data",                    data.delete,              "introspection:delete",   ADMIN),
    Route("GET",    f"{ONE}/data/versions",           data.versions,            "introspection:data",     ADMIN),
    Route("GET",    f"{ONE}/data/difference",         data.difference,          "introspection:data",     ADMIN),
    Route("GET",    f"{ONE}/data/unprocessed",        data.Show("unprocessed"), "introspection:data",     ADMIN),
    Route("POST",   f"{ONE}/data/unprocessed",        data.reapply,             "introspection:reapply",  ADMIN),
    Route("GET",    "/v1/rules",                      rules.listing,            "introspection:rule:get",    ADMIN),
    Route("POST",   "/v1/rules",                      rules.create,             "introspection:rule:create", ADMIN),
    Route("DELETE", "/v1/rules",                      rules.clear,              "introspection:rule:delete", ADMIN),
    Route("POST",   "/v1/rules/{uuid}",               rules.create,             "introspection:rule:create", ADMIN),
    Route("GET",    "/v1/rules/{uuid}",               rules.show,               "introspection:rule:get",    ADMIN),
    Route("DELETE", "/v1/rules/{uuid}",               rules.delete,             "introspection:rule:delete", ADMIN),
    Route("GET",    f"{ONE}/logs",                    data.Show("logs", data.GZIP), "introspection:logs", ADMIN),
)
# fmt: on
