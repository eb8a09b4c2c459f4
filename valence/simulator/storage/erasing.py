# SPDX-License-Identifier: Apache-2.0
"""Drives and volumes that are erased: Drive.SecureErase and Volume.Initialize, in steps as ``work`` has them."""

import collections

from valence.simulator import redfish
from valence.simulator.composition import blocks

#: what can be erased, by option
DRIVES, VOLUMES = "drives", "volumes"
#: kind -> the action that erases it, and the name of the work in Operations
ACTIONS = {DRIVES: ("Drive.SecureErase", "Sanitize"), VOLUMES: ("Volume.Initialize", "Initialize")}
#: values of InitializeType; a fast initialization keeps most of the data
TYPES = ("Fast", "Slow")
_SERVICE = f"{redfish.ROOT}/CompositionService/ResourceBlocks"
#: paths of drives that nodes can have, and of the volumes on them
DRIVE = f"((?:{_SERVICE}|{redfish.ROOT}/Chassis)/[^/]+/Drives/[^/]+)"
VOLUME = f"((?:{_SERVICE}/[^/]+/Storage/1|{redfish.ROOT}/StorageServices/[^/]+)/Volumes/[^/]+)"


class Erasures:
    """How often what was erased, by path, and what is being erased; ``kinds`` can be erased."""

    def __init__(self, kinds):
        self.kinds = kinds
        self.clear()

    def clear(self):
        """Forget everything."""
        self.ended = collections.Counter()
        self.running = set()


class Erase:
    """Erases what is at ``path``."""

    takes_time = True
    system = None

    def __init__(self, erasures, kind, path):
        self.name = f"{ACTIONS[kind][0]} of {path}"
        self.path = path
        self._erasures = erasures

    def begin(self):
        """Let it say that it is being erased."""
        self._erasures.running.add(self.path)

    def show(self):
        """Show nothing before the end."""

    def finish(self):
        """Note that it was erased."""
        self._erasures.running.discard(self.path)
        self._erasures.ended[self.path] += 1

    def fail(self):
        """Leave it as it was."""
        self._erasures.running.discard(self.path)

    undo = fail

    def answer(self):
        return 204, None, {}


def erase_drive(service, body, path):
    """Do Drive.SecureErase."""
    return _erase(service, DRIVES, path)


def initialize(service, body, path):
    """Do Volume.Initialize."""
    wanted = body.get("InitializeType", "Fast")
    if wanted not in TYPES:
        raise redfish.bad_request("ActionParameterValueNotInList", f"{wanted!r} is no InitializeType.")
    if wanted == "Fast":
        return 204, None, {}
    return _erase(service, VOLUMES, path)


def _erase(service, kind, path):
    erasures = service.pod.erasures
    if kind not in erasures.kinds:
        raise redfish.bad_request("ActionNotSupported", f"{path} cannot be erased.")
    if service.faults.hits("erase_refused_rate", path):
        raise redfish.RedfishError(409, "OperationNotAllowed", f"{path} is locked.")
    fails = service.faults.hits("erase_interrupted_rate", path) or None
    return service.composer.run(Erase(erasures, kind, path), path, fails=fails)


def offered(pod, kind, path):
    """Return what a drive or a volume at a path says of being erased."""
    if kind not in pod.erasures.kinds:
        return {}
    name, work = ACTIONS[kind]
    types = {"InitializeType@Redfish.AllowableValues": list(TYPES)} if kind == VOLUMES else {}
    running = [{"OperationName": work, "PercentageComplete": 0}] if path in pod.erasures.running else []
    return {
        "Actions": {f"#{name}": {"target": f"{path}/Actions/{name}"} | types},
        **({"Operations": running} if running else {}),
    }


def volume_ids(pod, block_id):
    """Return the ids of the volumes of a block: one for each drive, where volumes can be erased."""
    return blocks.part_ids(pod, block_id, "Drives") if VOLUMES in pod.erasures.kinds else ()


def volume_path(block_id, number):
    """Return the path of the volume on a drive of a block."""
    return f"{_SERVICE}/{block_id}/Storage/1/Volumes/{number}"


def volume(pod, block_id, number):
    """Return what the volume on a drive of a block says."""
    return {
        "Name": f"Volume {number} of {block_id}",
        "CapacityBytes": blocks.drive_bytes(pod, block_id),
        "RAIDType": "RAID0",
        "Status": redfish.ENABLED,
        **offered(pod, VOLUMES, volume_path(block_id, number)),
    }


TABLE = (
    ("POST", f"{DRIVE}/Actions/Drive.SecureErase", erase_drive),
    ("POST", f"{VOLUME}/Actions/Volume.Initialize", initialize),
)
