# SPDX-License-Identifier: Apache-2.0
"""Does changes of compositions: at once or in time, as a task or not, well or as the faults will have it."""

from valence.simulator import redfish
from valence.simulator.composition import work as changes
from valence.simulator.documents import tasks as documents


class Composer:
    """Changes what of ``pod`` is composed.

    ``call_later(seconds, function, *arguments)`` is how time passes, ``hits(rate, path)`` draws a fault by the name
    of its rate in ``options.Faults``.
    """

    def __init__(self, pod, call_later, hits):
        self._pod = pod
        self._call_later = call_later
        self._hits = hits
        self._options = pod.compositions.options
        self.lost = None

    def run(self, work, path, *, fails=None):
        """Do ``work`` that was asked for at ``path``, and return the answer: (status, target, headers).

        ``fails`` says whether it fails in the end; None leaves that to the faults. ``lost`` becomes the fault that
        befalls the answer, ``cut`` or ``hang``.
        """
        fails = self._hits("compose_fail_rate", path) if fails is None else fails
        stuck = self._hits("compose_stuck_rate", path)
        begin = self._begin_task if self._options.tasks else self._begin
        status, target, headers = begin(work, path, fails, stuck)
        self.lost = self._loss(path)
        if headers.get("Location") and self._hits("no_location_rate", path):
            headers = {name: value for name, value in headers.items() if name != "Location"}
        if status in (201, 202) and self._hits("no_body_rate", path):
            target = None
        return status, target, headers

    def take_loss(self):
        """Return the fault that befalls the answer of the last change, once."""
        lost, self.lost = self.lost, None
        return lost

    def compose(self, request, path):
        """Compose a system as a ``requests.Request`` says."""
        return self.run(self.composing(request, path), path)

    def composing(self, request, path):
        """Return the work to compose a system."""
        if not self._hits("name_ignored_rate", path):
            return changes.Compose(self._pod, request)
        return changes.Compose(self._pod, request, name="Computer System", description="")

    def _begin(self, work, path, fails, stuck):
        if fails and not (work.takes_time and self._options.compose_seconds):
            raise failure()
        work.begin()
        work.show()
        if not stuck:
            self._wait(self._finish, work, path, fails)
        return work.answer()

    def _finish(self, work, path, fails):
        work.fail() if fails else work.finish()
        self._break_block(work, path)

    def _begin_task(self, work, path, fails, stuck):
        work.begin()
        has_monitor = not self._hits("monitor_gone_rate", path)
        task = self._pod.tasks.begin(work.name, work.undo, has_monitor)
        if not stuck:
            self._wait(self._end_task, task, work, path, fails)
        return accepted(task, self._options.task_retry_after)

    def _end_task(self, task, work, path, fails):
        if self._pod.tasks.get(task.id) is not task or not task.is_running:
            return
        if fails:
            work.undo()
            self._pod.tasks.fail(task, failure())
            return
        work.show()
        work.finish()
        self._pod.tasks.complete(task, work.answer())
        self._break_block(work, path)

    def _break_block(self, work, path):
        blocks = work.system.blocks if work.system else ()
        if blocks and self._hits("block_fail_rate", path):
            self._pod.compositions.set_broken(blocks[-1], True)
            self._pod.changed(work.system)

    def _wait(self, function, *arguments):
        """Call a function when composing is over: at once where it takes no time."""
        if not self._options.compose_seconds:
            function(*arguments)
            return
        self._call_later(self._options.compose_seconds, self._go_on, self._pod.age, function, arguments)

    def _go_on(self, age, function, arguments):
        """Go on unless the pod was reset meanwhile."""
        if age == self._pod.age:
            function(*arguments)

    def _loss(self, path):
        if self._hits("compose_cut_rate", path):
            return "cut"
        return "hang" if self._hits("compose_silent_rate", path) else None


def accepted(task, retry_after):
    """Return the answer to a client that is to follow a task."""
    headers = {"Location": f"{documents.MONITORS}/{task.id}", "Retry-After": str(retry_after)}
    return 202, f"{redfish.ROOT}/TaskService/Tasks/{task.id}", headers


def failure():
    return redfish.RedfishError(500, "InternalError", "The composition failed.")
