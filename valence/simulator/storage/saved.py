# SPDX-License-Identifier: Apache-2.0
"""Keeps in a file what clients have changed of a pod: composed systems, blocks, power and boot of systems.

Hardware follows from the options and the seed, so only what differs from a new pod is written, after every change.
A composition that has not ended is not kept, like that of a service which was switched off. Neither are nodes of Intel
RSD, tasks and erasures.
"""

import dataclasses
import json
import logging

from valence.simulator import pod as pods
from valence.simulator.composition import compositions

LOG = logging.getLogger(__name__)
#: fields of a system that clients change
CHANGEABLE = {
    "power",
    "health",
    "asset_tag",
    "boot",
    "indicator",
    "blocks",
    "name",
    "description",
    "host_name",
}
#: what a power state becomes that was about to change
SETTLED = {"PoweringOn": "On", "PoweringOff": "Off"}


class Saved:
    """The state of ``pod`` in the file at ``path``: reads it, then writes it after every change."""

    def __init__(self, pod, path):
        self._pod, self._path = pod, path
        if path.exists() and (state := _read(path)):
            self._restore(state)
        pod.listeners.append(lambda _system: self.write())
        pod.compositions.listeners.append(lambda _block_ids: self.write())

    def write(self):
        """Write the file as a whole, so that a reader finds the old one or the new one."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._state()))
        new.replace(self._path)

    def _state(self):
        pod = self._pod
        return {
            "systems": [each for system in pod.systems.values() if (each := _changed(system))],
            "reserved": sorted(pod.compositions.reserved),
            "broken": sorted(pod.compositions.broken),
            "last": {"number": pod.last_number, "composed": pod.compositions.last},
        }

    def _restore(self, state):
        pod = self._pod
        for values in state["systems"]:
            system = pod.systems.get(values["id"]) or pods.System(
                values["id"], values["number"], None, pod.identity.uuid("system", values["number"])
            )
            # The file of an earlier version lacks what could not be changed then.
            for name in CHANGEABLE & values.keys():
                setattr(system, name, values[name])
            system.blocks = tuple(system.blocks)
            pod.systems[system.id] = system
            pod.compositions.use(system, system.blocks, compositions.COMPOSED)
        pod.compositions.reserved.update(state["reserved"])
        pod.compositions.broken.update(state["broken"])
        pod.last_number, pod.compositions.last = state["last"]["number"], state["last"]["composed"]


def _read(path):
    """Return the state in a file, None where it is damaged: then the pod is as new."""
    try:
        state = json.loads(path.read_text())
        if all("id" in each and isinstance(each["number"], int) for each in state["systems"]) and (
            {"number", "composed"} <= state["last"].keys() and {"reserved", "broken"} <= state.keys()
        ):
            return state
        reason = "something is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error)
    LOG.warning("%s cannot be used, so the simulated pod is as new: %s", path, reason)
    return None


def _changed(system):
    """Return what is kept of a system, None where it is as it was made."""
    values = {name: getattr(system, name) for name in CHANGEABLE}
    values["power"] = SETTLED.get(system.power, system.power)
    made = {field.name: field.default for field in dataclasses.fields(system)} | {"boot": pods.BOOT}
    if not system.is_composed and all(value == made[name] for name, value in values.items()):
        return None
    return {"id": system.id, "number": system.number} | values
