# SPDX-License-Identifier: Apache-2.0
"""Tasks: work that was accepted with 202, followed by a monitor until it ends (DSP0266)."""

import dataclasses
import datetime
import typing

from valence.simulator import redfish

#: tasks that ended and are kept, the youngest
KEPT = 1000


@dataclasses.dataclass(slots=True, eq=False)
class Task:
    """Work under way. ``answer`` is the action's answer once it ended well, ``error`` a RedfishError."""

    id: str
    name: str
    cancel: typing.Callable
    has_monitor: bool = True
    state: str = "Running"
    answer: tuple | None = None
    error: redfish.RedfishError | None = None
    start_time: str = ""
    end_time: str = ""

    @property
    def is_running(self):
        return self.state == "Running"


class Tasks(dict):
    """All tasks by id."""

    def __init__(self):
        super().__init__()
        self._last = 0

    def begin(self, name, cancel, has_monitor=True):
        """Return a new running task; ``cancel()`` undoes the work."""
        self._last += 1
        task = Task(str(self._last), name, cancel, has_monitor, start_time=now())
        self[task.id] = task
        return task

    def complete(self, task, answer):
        """Note the answer that the client would have got without a task."""
        task.state, task.answer = "Completed", answer
        self._end(task)

    def fail(self, task, error):
        task.state, task.error = "Exception", error
        self._end(task)

    def monitored(self, task_id):
        """Return the task of a monitor, or raise the 404."""
        task = self.get(task_id)
        if task is None or not task.has_monitor:
            raise redfish.missing(f"TaskMonitors/{task_id}")
        return task

    def delete(self, task_id):
        """Forget a task; one that runs is cancelled."""
        task = self[task_id]
        if task.is_running:
            task.state = "Cancelled"
            task.cancel()
        del self[task_id]

    def _end(self, task):
        task.end_time = now()
        ended = [each.id for each in self.values() if not each.is_running]
        for task_id in ended[:-KEPT]:
            del self[task_id]


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
