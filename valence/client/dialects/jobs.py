# SPDX-License-Identifier: Apache-2.0
"""Jobs of the backup service, in the dialect of Freezer (version 2): what they are, and how their runs ended."""

import typing
from collections import abc

from valence.client import collection
from valence.client import errors
from valence.client import rows

if typing.TYPE_CHECKING:
    import requests

    from valence.client import rack

#: where the dialect is in the API
AT = "/backup/v2"
#: rows of a page
PAGE = 100
#: project in the URL where all projects are meant; it is the one of users without a project
ANY = "default"


class Jobs:
    """The jobs of a project: by default the one that the client signs in to, and without Keystone all projects."""

    def __init__(self, api: "rack.Rack") -> None:
        self._api = api

    def list(
        self,
        *,
        project: str | None = None,
        all_projects: bool = False,
        sort: str | None = None,
        limit: int | None = None,
        filters: abc.Sequence[tuple[str, str]] = (),
    ) -> abc.Iterator[rows.Row]:
        """Yield jobs in the order of ``sort``, ``name`` or ``name:desc``, at most ``limit``.

        ``filters`` has names and values that a job has anywhere in its document.
        """
        place, is_everywhere = self._place(project, all_projects)
        given = [*filters, *([("sort", sort)] if sort else [])]
        given += [("all_projects", "true")] if is_everywhere else []
        number = 0
        while limit is None or number < limit:
            most = PAGE if limit is None else min(limit - number, PAGE)
            query = [*given, ("limit", str(most)), ("offset", str(number))]
            page = errors.rows_of(self._get(f"/{place}/jobs", query), "jobs")
            yield from (rows.Row(each, "job_id") for each in page)
            number += len(page)
            if not page:
                return

    __call__ = list

    def get(self, name: str, *, project: str | None = None) -> rows.Row:
        """Return a job by its name; raise NotFound, or Conflict if several projects have one of the name."""
        place, _ = self._place(project, False)
        return rows.Row(self._get(_url(place, name), [], name).json(), "job_id")

    def reports(
        self,
        name: str,
        *,
        project: str | None = None,
        limit: int | None = None,
        result: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> abc.Iterator[rows.Row]:
        """Yield the reports of a job's runs, the latest first, at most ``limit``.

        ``result`` is how they ended; they are from the time ``since`` on, and before the time ``until``.
        """
        own, is_everywhere = self._place(project, False)
        place = self.get(name)["project_id"] if is_everywhere else own
        query = {"result": result, "since": since, "until": until}
        given = {each: value for each, value in query.items() if value is not None}
        left = limit
        while left is None or left > 0:
            given["limit"] = str(PAGE if left is None else min(left, PAGE))
            page = errors.rows_of(
                self._get(f"{_url(place, name)}/reports", [*given.items()], name), "reports"
            )
            yield from (rows.Row(each, "report_id") for each in page)
            if not page:
                return
            left = None if left is None else left - len(page)
            given["marker"] = page[-1]["report_id"]

    def _place(self, project: str | None, all_projects: bool) -> tuple[str, bool]:
        """Return the project for the URL, and whether all projects are meant."""
        own = project or self._api.project_id()
        place = collection.segment(own or ANY, "project", "Give the ID of a project.")
        return place, all_projects or own is None

    def _get(
        self, url: str, query: abc.Sequence[tuple[str, str]], name: str | None = None
    ) -> "requests.Response":
        """Return the answer with a document; raise NotFound for the job ``name``, of which Freezer says nothing."""
        try:
            return self._api.call("GET", url, at=AT, params=query)
        except errors.NotFound as error:
            if name is None or error.problems:
                raise
            raise errors.NotFound(
                f"There is no job {name}.",
                hint="List the jobs to see what there is; another project has its own.",
                status=404,
                request_id=error.request_id,
            ) from error


def _url(project: str, name: str) -> str:
    return f"/{project}/jobs/{collection.segment(name, 'job', 'Give the name of a job.')}"
