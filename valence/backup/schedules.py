# SPDX-License-Identifier: Apache-2.0
"""The schedule of a document, taken apart: when a job runs is the job's, where it stands is its attachment's."""

#: what of a ``job_schedule`` tells where a job stands, and what it is where nothing was told
STATE = {"event": "", "status": "", "result": "", "time_started": -1, "time_ended": -1, "current_pid": None}

_TOLD = tuple(name for name in STATE if name != "current_pid")


def scheduling(schedule):
    """Return the part of a schedule that says when."""
    return {name: value for name, value in schedule.items() if name.startswith("schedule_")}


def state(schedule):
    """Return the part of a schedule that says where its job stands, as fields of a JobAttachment."""
    return {name: schedule[name] for name in STATE if name in schedule}


def document(job, shows_pid):
    """Return the ``job_schedule`` of an AttachedJob. Schedulers need event, status and result to be there."""
    values = vars(job)
    told = {name: values[name] for name in _TOLD}
    if shows_pid and job.current_pid is not None:
        told["current_pid"] = job.current_pid
    return job.scheduling | {"time_created": job.time_created} | told
