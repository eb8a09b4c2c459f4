# SPDX-License-Identifier: Apache-2.0
"""The task service and its tasks (DSP0266, asynchronous operations)."""

from valence.simulator import redfish

MONITORS = f"{redfish.ROOT}/TaskService/TaskMonitors"


def service(pod):
    return {
        "Name": "Task Service",
        "ServiceEnabled": True,
        "CompletedTaskOverWritePolicy": "Oldest",
        "Tasks": redfish.link("TaskService", "Tasks"),
        "Status": redfish.ENABLED,
    }


def task_ids(pod):
    return pod.tasks


def task(pod, task_id):
    item = pod.tasks[task_id]
    ended = {} if item.is_running else {"EndTime": item.end_time}
    return {
        "Name": item.name,
        "TaskMonitor": f"{MONITORS}/{task_id}",
        "TaskState": item.state,
        "TaskStatus": "Critical" if item.error else "OK",
        "PercentComplete": 0 if item.is_running else 100,
        "StartTime": item.start_time,
        **ended,
        "Messages": item.error.document["error"]["@Message.ExtendedInfo"] if item.error else [],
    }
