# SPDX-License-Identifier: Apache-2.0
"""Does what a plan says. A step that fails stops no other step."""

import typing
from collections import abc

from valence.client import errors
from valence.client import rows
from valence.client.desired_state import plan

if typing.TYPE_CHECKING:
    from valence.client import rack as racks

#: field of a node's entry -> what the API calls it
_NAMES = {"flavor": "flavor_id", "devices": "resources", "pod_manager": "podm_id", "zone": "zone_id"}

#: what to do after a creation without an answer: what it created is found by its name then
AGAIN = "It may have been done; apply the file again."


def run(
    api: "racks.Rack", steps: abc.Sequence[plan.Step], wait: abc.Callable[[str], rows.Row]
) -> dict[int, str]:
    """Do the steps in their order, and return why some were not done, by their index.

    ``wait`` returns an operation that has succeeded, by its UUID, and raises RackError. New pod managers are
    synchronized before nodes are requested, which may need their hardware. All nodes are requested before the first is
    waited for.
    """
    runner = _Runner(api, wait)
    is_node = [step.entry.section.name == "nodes" for step in steps]
    needs_hardware = any(
        step.action is plan.Action.CREATE and each for step, each in zip(steps, is_node, strict=True)
    )
    for wanted in (False, True):
        for number, step in enumerate(steps):
            if is_node[number] == wanted:
                runner.attempt(number, step)
        if needs_hardware:
            runner.finish()
    return dict(sorted(runner.failures.items()))


class _Runner:
    """Does steps and collects why some fail."""

    def __init__(self, api: "racks.Rack", wait: abc.Callable[[str], rows.Row]) -> None:
        self._api, self._wait = api, wait
        self._operations: dict[int, str] = {}
        self.failures: dict[int, str] = {}

    def attempt(self, number: int, step: plan.Step) -> None:
        """Do one step, or start its operation."""
        if step.action is plan.Action.REFUSE:
            self.failures[number] = step.why
            return
        try:
            row = self._done(step)
            operation = step.action is plan.Action.CREATE and self._api.operation_of(row)
        except errors.RackError as error:
            is_unsure = error.may_be_done and error.idempotency_key
            self.failures[number] = f"{error.detail} {AGAIN}" if is_unsure else str(error)
            return
        if operation:
            self._operations[number] = operation

    def finish(self) -> None:
        """Wait for the operations that were started."""
        while self._operations:
            number, operation = self._operations.popitem()
            try:
                self._wait(operation)
            except errors.RackError as error:
                self.failures[number] = str(error)

    def _done(self, step: plan.Step) -> rows.Row:
        collection = getattr(self._api, step.entry.section.name)
        if step.action is plan.Action.CHANGE:
            # The values depend on the file alone, so that a change of somebody else meanwhile is no conflict.
            changed: rows.Row = collection.update(step.key, **step.values)
            return changed
        if step.entry.section.name == "nodes":
            return self._new_node(step.values)
        created: rows.Row = collection.create(**step.values)
        return created

    def _new_node(self, values: abc.Mapping[str, typing.Any]) -> rows.Row:
        given = {_NAMES.get(name, name): value for name, value in values.items()}
        if system := given.pop("system", None):
            return self._api.nodes.manage(self._api.systems.find(system), **given)
        if pod_manager := given.get("podm_id"):
            given["podm_id"] = self._api.pod_managers.find(pod_manager).id
        if boot := given.get("boot"):
            given["boot"] = {"target": boot}
        return self._api.nodes.create(**given)
