# SPDX-License-Identifier: Apache-2.0
"""Discovery: the versions of the backup service, and the home document of each."""

import flask

from valence.api.backup import describing
from valence.api.http import handler

HOME = "application/json-home"
#: when Freezer's versions got their present form; clients ignore it
UPDATED = {"v1": "2015-03-30T11:33:21", "v2": "2018-02-21T13:30:00"}
_FORMATS = {"application/json": {}}
_DOCUMENT = {"type": "object"}


@describing.described({300: _DOCUMENT}, answer_types=("application/json", HOME))
def versions(call):
    """Show which versions of the backup service there are."""
    shown = [
        {
            "id": name,
            "status": status,
            "updated": UPDATED[name],
            "links": [{"href": call.url(f"/{name}/"), "rel": "self"}],
        }
        for name, status in (("v2", "CURRENT"), ("v1", "SUPPORTED"))
    ]
    return flask.Response(handler.encode({"versions": shown}), 300, content_type="application/json")


@describing.described({200: _DOCUMENT}, answer_types=(HOME, "application/json"))
def v2(call):
    """Show what version 2 of the backup service has."""
    del call
    job = {"project_id": "param/project_id", "job_id": "param/job_id"}
    paging = {name: f"param/{name}" for name in ("project_id", "all_projects", "offset", "limit")}
    backup = {"project_id": "param/project_id", "backup_id": "param/backup_id"}
    return _home(
        {
            "rel/backups": _resource("/v2/{project_id}/backups/{backup_id}", backup, ["GET"]),
            "rel/jobs": _resource(
                "/v2/{project_id}/jobs{?all_projects,offset,limit}", paging, ["GET", "POST"]
            ),
            "rel/job": _resource("/v2/{project_id}/jobs/{job_id}", job, ["GET", "PATCH", "POST", "DELETE"]),
        }
    )


@describing.described({200: _DOCUMENT}, answer_types=(HOME, "application/json"))
def v1(call):
    """Show what version 1 of the backup service has."""
    del call
    return _home(
        {"rel/backups": _resource("/v1/backups/{backup_id}", {"backup_id": "param/backup_id"}, ["GET"])}
    )


def _resource(template, variables, methods):
    return {
        "href-template": template,
        "href-vars": variables,
        "hints": {"allow": methods, "formats": _FORMATS},
    }


def _home(resources):
    return flask.Response(handler.encode({"resources": resources}), content_type=HOME)
