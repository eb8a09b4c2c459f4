# SPDX-License-Identifier: Apache-2.0
"""The ``job_schedule`` of a job: when it runs (a field of the Job), and how far it is (fields of its JobAttachment)."""

#: the fields that say how far a job is, with their initial values
STATE = {"event": "", "status": "", "result": "", "time_started": -1, "time_ended": -1, "current_pid": None}
#: the process that is shown of a job that never ran: schedulers that abort a job need a number
NO_PROCESS = -1
#: the fields that a report may change whose sender has not seen a change of the job's session: those of a run
FACTS = ("status", "result", "time_started", "time_ended", "current_pid")


def times(schedule):
    """Return the part of a schedule that says when the job runs."""
    return {name: value for name, value in schedule.items() if name.startswith("schedule_")}


def state(schedule):
    """Return the part of a schedule that says how far the job is, as fields of a JobAttachment."""
    return {name: schedule[name] for name in STATE if name in schedule}


def facts(schedule):
    """Return the part of a schedule that reports a run; the end of a run belongs to the schedule of that time."""
    return {
        name: schedule[name]
        for name in FACTS
        if name in schedule and (name, schedule[name]) != ("status", "completed")
    }


def document(job, shows_pid):
    """Return the ``job_schedule`` of an AttachedJob; schedulers require event, status and result."""
    values = vars(job)
    shown = {name: values[name] for name in STATE if name != "current_pid"}
    if shows_pid:
        shown["current_pid"] = NO_PROCESS if job.current_pid is None else job.current_pid
    return job.scheduling | {"time_created": job.time_created} | shown
