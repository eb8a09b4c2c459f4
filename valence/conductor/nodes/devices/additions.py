# SPDX-License-Identifier: Apache-2.0
"""Requests for more devices of a node, and for fewer: which devices, and why not.

Devices that are added are in a zone with those that the node has. They are claimed by the commit that stores the
operation.
"""

import collections
import itertools
import typing
from collections import abc

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.composition import claims
from valence.composition import named
from valence.composition import requirements
from valence.composition import selection
from valence.conductor.inventory import drift
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import hardware
from valence.conductor.nodes import rights
from valence.db import models
from valence.db import store

#: names of the field that names a device: that of the first release, ours, and that of its documentation
NAMES = ("resource_id", "device_id", "uuid")

Devices = tuple[tuple[str, models.Device], ...]


def named_by(action: abc.Mapping[str, typing.Any]) -> str | None:
    """Return the field of an action that names a device, None where there is none."""
    return next((name for name in NAMES if action.get(name)), None)


def require_composed(node: models.Node) -> None:
    """Raise NotOffered for a node whose devices cannot be changed."""
    if node.kind == "system":
        raise introspection_errors.NotOffered(what="change of the devices of a system that was not composed")


def add(
    database: store.Store,
    node: models.Node,
    action: abc.Mapping[str, typing.Any],
    others: abc.Callable[[dict[str, typing.Any]], abc.Sequence[store.Change]],
    *,
    lease: store.Lease | None = None,
) -> claims.Granted:
    """Choose devices and claim them for a node, in one commit with the caller's changes.

    ``action`` names a device, or gives requirements in their normal form. ``others(values)`` returns the changes, with
    ``values`` for the handle of the node. Raise NothingFits with the explanation, DeviceTaken, QuotaExceeded,
    ValidationFailed with the paths of the client's body, NotOffered.
    """
    require_composed(node)
    addition = _Addition(database, node, action)
    try:
        granted = claims.grant(
            database,
            claims.Owner(node.uuid, node.project_id),
            addition.choose,
            lambda choice: others({"devices": choice.uuids}),
            lease=lease,
        )
    except composition_errors.NothingFits as error:
        problems = [_at(problem, "$.properties", "$.attach") for problem in error.problems]
        raise composition_errors.NothingFits(problems=problems, summary=error.detail) from None
    work_metrics.CLAIM_COLLISIONS.inc(granted.collisions)
    return granted


def choose_again(database: store.Store, node: models.Node, lease: store.Lease) -> models.Node:
    """Choose and claim other devices for a node whose operation has given its devices back; return the node.

    Raise NothingFits, DeviceTaken.
    """

    def others(values: dict[str, typing.Any]) -> list[store.Change]:
        return [store.Update(node, {"handle": node.handle | values})]

    granted = add(database, node, node.handle["attach"], others, lease=lease)
    return typing.cast(models.Node, granted.stored[0])


def removable(database: store.Store, node: models.Node, action: abc.Mapping[str, typing.Any]) -> models.Claim:
    """Return the claim of the device that an action names.

    Raise NotOffered, ValidationFailed for a device that is not the node's, Conflict for the one that it is built on and
    for one that is gone from the inventory, before a synchronization has noted that: nobody could see it free.
    """
    require_composed(node)
    name = named_by(action)
    uuid = action[name] if name else None
    found = [claim for claim in rights.claims(database, node) if claim.device_id == uuid]
    if not found:
        problem = {
            "path": f"$.detach.{name}",
            "detail": "The node has no such device.",
            "hint": f"GET /v1/nodes/{node.uuid}/devices lists those that it has.",
        }
        raise errors.ValidationFailed(problems=[problem])
    if found[0].part.startswith(hardware.BASES):
        reason = f"The node {node.uuid} is built on the device {uuid}; delete the node to free it."
        raise errors.Conflict(reason=reason)
    itself = [store.Filter("uuid", "eq", uuid)]
    if not is_seen_gone(found[0]) and not database.list(models.Resource, filters=itself, fields=["uuid"]):
        reason = (
            f"The device {uuid} of the node {node.uuid} cannot be reached: {drift.GONE} "
            "Detach it once a synchronization has found it again, or has noted that it is gone; or delete the node."
        )
        raise errors.Conflict(reason=reason)
    return found[0]


def is_seen_gone(claim: models.Claim) -> bool:
    """Return whether it was noted before, by a synchronization or an earlier removal, that a device is gone."""
    unreachable = composition_errors.DeviceGone(device=claim.device_id)
    return claim.error in (drift.GONE, unreachable.detail)


class _Addition:
    """Devices that a node gets besides those that it has."""

    def __init__(
        self, database: store.Store, node: models.Node, action: abc.Mapping[str, typing.Any]
    ) -> None:
        self._store, self._action = database, action
        self._own = rights.claims(database, node)
        self._uuids = frozenset(claim.device_id for claim in self._own)
        self._among = self._place(node)

    def choose(self, avoid: frozenset[str]) -> selection.Choice | selection.Nothing:
        """Return the devices; the node gets no device twice."""
        name = named_by(self._action)
        if name:
            return self._renamed(self._named(name))
        asked = {part: self._action[part] for part in requirements.TYPES if part in self._action}
        wanted = requirements.wanted(asked, base=False)
        chosen = selection.choose(self._store, wanted, among=self._among, avoid=avoid | self._uuids)
        return self._renamed(chosen) if isinstance(chosen, selection.Choice) else chosen

    def _place(self, node: models.Node) -> selection.Among:
        """Return where devices can be combined with those of the node."""
        wanted = [store.Filter("uuid", "in", sorted(self._uuids))]
        fields = ("zoning", "device_type")
        devices = self._store.list(models.Device, filters=wanted, fields=fields) if self._uuids else ()
        if not devices:
            reason = (
                f"The devices of the node {node.uuid} are not known until its pod manager is synchronized."
            )
            raise errors.Conflict(reason=reason)
        zonings = tuple(sorted({device.zoning for device in devices}))
        present = collections.Counter(device.device_type for device in devices)
        return selection.Among(node.podm_id, None, zonings, present)

    def _named(self, name: str) -> selection.Choice:
        uuid = self._action[name]
        for claim in self._own:
            if claim.device_id == uuid:
                failure = f", and it failed: {claim.error.rstrip('.')}" if claim.error else ""
                raise composition_errors.DeviceTaken(device=uuid, reason=f"the node has it already{failure}")
        path = f"$.attach.{name}"
        try:
            return named.choose(self._store, [uuid], base=False, among=self._among, path=path)
        except errors.ValidationFailed as error:
            problems = [_at(problem, f"{path}[0]", path) for problem in error.problems]
            raise errors.ValidationFailed(problems=problems) from None

    def _renamed(self, choice: selection.Choice) -> selection.Choice:
        """Return a choice whose parts are counted on from those of the node."""
        used = {claim.part for claim in self._own}
        names: dict[str, str] = {}
        for part, _ in choice.devices:
            if part not in names:
                names[part] = _unused(part, used)
                used.add(names[part])
        return choice._replace(devices=tuple((names[part], device) for part, device in choice.devices))


def _unused(part: str, used: abc.Container[str]) -> str:
    """Return the name of a part with the first number that is not used; memory has no number."""
    kind, _, number = part.partition("/")
    if not number:
        return part
    return next(name for count in itertools.count() if (name := f"{kind}/{count}") not in used)


def _at(problem: errors.Problem, old: str, new: str) -> errors.Problem:
    """Return a problem whose path begins with ``new`` where it began with ``old``."""
    path = problem["path"]
    return {**problem, "path": new + path[len(old) :] if path.startswith(old) else path}
