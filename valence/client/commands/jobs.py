# SPDX-License-Identifier: Apache-2.0
"""Commands for jobs of the backup service."""

import argparse
import typing
from collections import abc

from cliff import lister

from valence.client import rows
from valence.client.commands import base
from valence.client.commands import fields
from valence.db import types

COLUMNS = ("job_id", "project_id", "client_id", "description", "status", "result", "last_ended_at", "seconds")
OF_REPORTS = ("report_date", "action_id", "result", "time_elapsed")


class ListJobs(base.Command, lister.Lister):
    """List jobs, each with how its last run ended and how many seconds it took"""

    example = "--property client_id=node-7 --sort job_id"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--long", action="store_true", help="Show all fields.")
        add_project(parser)
        parser.add_argument("--all-projects", action="store_true", help="List those of all projects.")
        parser.add_argument("--sort", metavar="FIELD[:asc|desc]", help="Order of the rows, by the server.")
        parser.add_argument("--limit", type=fields.positive, metavar="N", help="Most rows to show.")
        base.add_property(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Listed:
        found = self.rack.jobs.list(
            project=parsed.project,
            all_projects=parsed.all_projects,
            sort=parsed.sort,
            limit=parsed.limit,
            filters=parsed.property,
        )
        return base.listed(parsed, COLUMNS, [last_run(row) for row in found])


class ShowJob(base.One):
    """Show a job with its actions and its schedule"""

    example = "nightly"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_job(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        return self.shown(self.rack.jobs.get(parsed.job, project=parsed.project))


class ReportJob(base.Command, lister.Lister):
    """List the runs of a job, the latest first: how each ended and how many seconds it took"""

    example = "nightly --since 2026-11-01T00:00:00Z --limit 10"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_job(parser)
        parser.add_argument(
            "--long", action="store_true", help="Show all fields, such as the log of a failure."
        )
        parser.add_argument("--limit", type=fields.positive, metavar="N", help="Most runs to show.")
        parser.add_argument(
            "--result", choices=("success", "fail", "aborted"), help="Show only runs that ended so."
        )
        parser.add_argument("--since", metavar="TIME", help="Show runs from this time on.")
        parser.add_argument("--until", metavar="TIME", help="Show runs before this time.")

    def take_action(self, parsed: argparse.Namespace) -> base.Listed:
        given = {name: getattr(parsed, name) for name in ("project", "limit", "result", "since", "until")}
        return base.listed(parsed, OF_REPORTS, [*self.rack.jobs.reports(parsed.job, **given)])


def add_project(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the project of a job."""
    parser.add_argument(
        "--project",
        metavar="ID",
        help="Project of the job; by default yours, and without Keystone any.",
    )


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a job."""
    parser.add_argument("job", help="Name of the job.")
    add_project(parser)


def last_run(job: rows.Row) -> abc.Mapping[str, typing.Any]:
    """Return a job with what its schedule says about its last run; None where there was none."""
    schedule = job["job_schedule"]
    started, ended = schedule["time_started"], schedule["time_ended"]
    has_ended = ended >= 0
    return dict(job) | {
        "status": schedule["status"],
        "result": schedule["result"],
        "last_ended_at": _moment(ended) if has_ended else None,
        "seconds": ended - started if has_ended and 0 <= started <= ended else None,
    }


def _moment(seconds: int) -> str:
    """Return seconds since 1970 as the API writes times; as they are if no date can show them."""
    try:
        return types.moment(seconds)
    except (ValueError, OverflowError, OSError):
        return str(seconds)
