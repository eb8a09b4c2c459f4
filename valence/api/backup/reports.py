# SPDX-License-Identifier: Apache-2.0
"""Reports of runs: the history of a job or an action, the newest first. Freezer has none of these routes."""

from valence.api.backup import answers
from valence.api.backup import collections
from valence.api.backup import describing
from valence.api.backup import reading
from valence.api.backup import tenants
from valence.common import errors

LIMIT = 100


class Reports(collections.Handler):
    """Shows the reports of one of the things of a collection."""

    verb = "Show the reports of"

    def __call__(self, call, name, project_id=None):
        given = reading.parameters(call)
        limit = reading.integer(given, "limit", LIMIT)
        if limit < 1:
            raise errors.BadRequest(reason="limit must be a positive number.")
        page = {"limit": min(limit, call.settings.max_limit), "marker": given.get("marker")}
        page |= {name: given[name] for name in ("result", "since", "until") if name in given}
        tenant = tenants.of(call, project_id)
        text = call.conductor.backup.reports(call.context, tenant, self.collection, name, **page)
        return collections.respond(f'{{"reports":{text}}}'.encode())

    def answers(self):
        return {200: answers.page("reports"), 404: None}

    def asked(self):
        return {"parameters": describing.REPORTS}


class CreateReport(collections.Handler):
    """Stores what an agent tells of a run."""

    verb = "Create"

    def __call__(self, call, name, project_id=None):
        document = self.checked(reading.required(call))
        tenant = tenants.of(call, project_id)
        return collections.respond(
            {"report_id": call.conductor.backup.report(call.context, tenant, name, document)}, 201
        )

    def answers(self):
        return {201: answers.told("report_id")}
