# SPDX-License-Identifier: Apache-2.0
"""Explanation: why no devices satisfy a request, by counts, by the rule that removed the rest, and by the nearest miss.

The counts of a part come from filters that grow by one rule at a time. The rule after which too few are left is the
cause. If each part has enough by itself, the cause is that no place has all of them together.
"""

import dataclasses
import typing
from collections import abc

from valence.common import composition_errors
from valence.common import errors
from valence.common import words
from valence.composition import candidates
from valence.composition import combining
from valence.composition import requirements
from valence.composition import selection
from valence.composition import survey
from valence.composition import weighing
from valence.db import models
from valence.db import store

#: device type -> its name in sentences, for one and for several
NAMES = {
    "Compute": ("machine", "machines"),
    "System": ("machine", "machines"),
    "Memory": ("memory device", "memory devices"),
    "Storage": ("storage device", "storage devices"),
    "Network": ("network device", "network devices"),
    "Accelerator": ("accelerator", "accelerators"),
}
#: what keeps a device from being free -> how a sentence says so of several
TAKEN = {
    "claimed": "claimed by nodes",
    "in_use": "in use outside of Valence",
    "reserved": "reserved",
    "unhealthy": "unhealthy",
    "unavailable": "unavailable",
    "dirty": "dirty",
}
TYPE, PLACE, STATE, USABLE, COUNT, TOGETHER = (
    "of this type", "where it was asked for", "free", "of pod managers that work", "enough", "together with the others",
)  # fmt: skip
HINTS = {
    STATE: "Wait until other nodes are deleted, or ask for other devices.",
    USABLE: "Bring the pod manager back, or ask for other devices.",
    TOGETHER: "Ask for less in one node, or for devices that one zone has together.",
}
HINT = "Ask for less, or for other devices."


@dataclasses.dataclass
class PartReport:
    """How many devices each rule left of a part, and which one left too few: ``cause``, None if none did."""

    part: requirements.Part
    left: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    removed: dict[str, int] = dataclasses.field(default_factory=dict)
    cause: str | None = None
    sentence: str = ""
    nearest: dict[str, typing.Any] | None = None

    def document(self) -> dict[str, typing.Any]:
        """Return the report as a JSON object."""
        return {
            "part": self.part.name,
            "wanted": _wanted(self.part),
            "left": [list(each) for each in self.left],
            "removed": self.removed,
            "nearest": self.nearest,
        }


class Explainer:
    """Reports on the parts of a request; ``unusable`` are pod managers that cannot be asked, with their reasons."""

    def __init__(self, database: store.Store, among: selection.Among) -> None:
        self._store, self._among = database, among
        layouts = candidates.Layouts(database, fresh=True)
        self._where = selection.where(database, among, layouts)
        rows = database.list(models.PodManager, fields=("name",))
        self.names = {row.uuid: str(row.name) for row in rows}
        self.unusable = candidates.unusable(database, list(self.names))

    def report(self, part: requirements.Part) -> PartReport:
        """Return what each rule left of the candidates for a part."""
        report = PartReport(part)
        filters = [_of_type(part)]
        self._step(report, TYPE, filters)
        if self._where:
            filters += self._where
            self._step(report, PLACE, filters)
        report.removed = self._removed(filters)
        filters += candidates.FREE
        self._step(report, STATE, filters)
        for rule in weighing.RULES:
            if condition := rule.condition(part):
                filters.append(condition)
                self._step(report, rule.text(part), filters, rule)
        self._count_usable(report, filters)
        self._count_passing(report, filters)
        return report

    def _step(
        self,
        report: PartReport,
        name: str,
        filters: abc.Sequence[store.Filter],
        rule: weighing.Rule | None = None,
    ) -> None:
        if report.cause is None:
            number = self._store.count(models.Device, filters=filters)
            report.left.append((name, number))
            if number == 0:
                report.cause = name
                report.sentence = self._sentence(report, name, rule)

    def _sentence(self, report: PartReport, name: str, rule: weighing.Rule | None) -> str:
        one, many = NAMES[report.part.device_type]
        if name == TYPE:
            return f"There are no {many}."
        if name == PLACE:
            return f"{self._place_name()} has no {many}."
        if name == STATE:
            report.nearest = self._nearest(report.part, None)
            return _state_sentence(report, many)
        assert rule is not None
        report.nearest = self._nearest(report.part, rule)
        has = report.nearest and report.nearest["lacks"][0][2]
        nearest = "" if has is None else f"; the nearest has {_shown(rule, has)}"
        return f"No free {one} has {name}{nearest}."

    def _place_name(self) -> str:
        if self._among.zone_id:
            return f"The zone {self._among.zone_id}"
        if self._among.podm_id is not None:
            return f"The pod manager {self.names.get(self._among.podm_id, self._among.podm_id)}"
        return "The zone of the node"

    def _removed(self, filters: abc.Sequence[store.Filter]) -> dict[str, int]:
        """Return how many devices each state keeps from being free."""
        full, partly = store.Filter("full", "eq", True), store.Filter("full", "eq", False)
        numbers = {"claimed": self._store.count(models.Device, filters=[*filters, full])}
        others = [*filters, partly, store.Filter("state", "neq", "free")]
        left = self._store.count(models.Device, filters=others)
        for state in TAKEN:
            if state != "claimed" and left:
                of_state = [*filters, partly, store.Filter("state", "eq", state)]
                numbers[state] = self._store.count(models.Device, filters=of_state)
                left -= numbers[state]
        return {state: number for state, number in numbers.items() if number}

    def _nearest(self, part: requirements.Part, rule: weighing.Rule | None) -> dict[str, typing.Any] | None:
        """Return the largest candidate that only one rule removed: ``rule``, or None for that of being free."""
        others = [each for each in weighing.RULES if each is not rule]
        free = candidates.FREE if rule else ()
        filters = [_of_type(part), *self._where, *free, *weighing.conditions(part, others)]
        field = rule.field if rule and rule.op == "gte" else "size"
        sort = [store.Sort(field, descending=True)]
        found = self._store.list(models.Device, filters=filters, sort=sort, limit=1)
        if not found:
            return None
        device = found[0]
        if rule is None:
            return {"device": device.uuid, "lacks": [["state", "free", _state(device)]]}
        value = rule.value(part)
        wanted = part.model if rule.field == "model" else value[0] if rule.op == "in" else value
        return {"device": device.uuid, "lacks": [[rule.field, wanted, getattr(device, rule.field)]]}

    def _count_usable(self, report: PartReport, filters: list[store.Filter]) -> None:
        """Count the devices of pod managers that can be asked."""
        if report.cause is not None or not self.unusable:
            return
        number = report.left[-1][1]
        elsewhere = [*filters, candidates.among("podm_id", list(self.unusable))]
        left = number - self._store.count(models.Device, filters=elsewhere)
        report.left.append((USABLE, left))
        if left == 0:
            found = self._store.list(models.Device, filters=elsewhere, limit=1)
            if not found:
                return  # it was taken, or removed, since it was counted
            device = found[0]
            reason = self.unusable[device.podm_id]
            report.cause = USABLE
            report.nearest = {"device": device.uuid, "lacks": [["pod manager", "online", reason]]}
            _, many = NAMES[report.part.device_type]
            report.sentence = (
                f"The free {many} that fit belong to pod managers that cannot be asked now: "
                f"{self.names[device.podm_id]} is {_REASONS[reason]}."
            )

    def _count_passing(self, report: PartReport, filters: list[store.Filter]) -> None:
        """Count what the site's own filters leave, and whether that is enough."""
        if report.cause is not None:
            return
        part, number = report.part, report.left[-1][1]
        one, many = NAMES[part.device_type]
        if number > candidates.MANY:
            return
        found = self._store.list(models.Device, filters=filters, limit=candidates.MANY)
        found = [device for device in found if device.podm_id not in self.unusable]
        for name, function in weighing.own(weighing.FILTERS).items():
            found = [device for device in found if function(device, part)]
            report.left.append((name, len(found)))
            if not found:
                report.cause, report.sentence = name, f"The filter {name} of this site accepts no free {one}."
                return
        enough = combining.amount(part, found)
        if enough < part.count and part.device_type != "Memory":
            report.left.append((COUNT, 0))
            report.cause = COUNT
            report.sentence = (
                f"Only {enough} {many if enough != 1 else one} of {part.count} that are wanted are free."
            )


def _of_type(part: requirements.Part) -> store.Filter:
    kinds = candidates.MACHINES if part.device_type in candidates.MACHINES else (part.device_type,)
    return candidates.among("device_type", kinds)


_REASONS = {
    "offline": "offline",
    "maintenance": "in maintenance",
    "unserved": "in a group that no conductor serves",
    "deleted": "deleted",
}


def _state(device: models.Device) -> str:
    return "claimed" if device.full else str(device.state)


def _state_sentence(report: PartReport, many: str) -> str:
    number = sum(report.removed.values())
    parts = [f"{count} {TAKEN[state]}" for state, count in report.removed.items()]
    if len(parts) == 1:
        (state,) = report.removed
        return f"No {many} are free: all {number} are {TAKEN[state]}."
    return f"No {many} are free: {', '.join(parts)}."


def _shown(rule: weighing.Rule, has: typing.Any) -> str:
    return f"{has} MiB" if rule.field == "memory_mib" else str(has)


def _wanted(part: requirements.Part) -> dict[str, typing.Any]:
    """Return what a part asks for, as a JSON object without what it does not ask for."""
    values = {
        "size": part.size,
        "count": part.count,
        "memory_mib": part.memory_mib,
        "model": part.model,
        "architecture": part.architectures and part.architectures[0],
        "media": part.media and part.media[0],
    }
    return {name: value for name, value in values.items() if value}


def refusal(database: store.Store, nothing: selection.Nothing) -> composition_errors.NothingFits:
    """Return the error that refuses a request: a problem for each part that is missing, and the summary."""
    reports, summary = _explained(database, nothing)[1:]
    failed = [report for report in reports if report.cause]
    problems: list[errors.Problem] = [
        {
            "path": f"$.properties.{report.part.name.partition('/')[0]}",
            "detail": report.sentence,
            "hint": HINTS.get(report.cause or "", HINT),
        }
        for report in failed
    ]
    together = {"path": "$.properties", "detail": summary, "hint": HINTS[TOGETHER]}
    return composition_errors.NothingFits(problems=problems or [together], summary=summary)


def document(database: store.Store, outcome: selection.Choice | selection.Nothing) -> dict[str, typing.Any]:
    """Return the explanation of what was chosen, or why nothing was, as a JSON object."""
    if isinstance(outcome, selection.Choice):
        return _fitting(database, outcome)
    explainer, reports, summary = _explained(database, outcome)
    return {
        "fits": False,
        "summary": summary,
        "parts": [report.document() for report in reports],
        "pod_managers": _pod_managers(database, explainer),
        "zonings": {"tried": outcome.tried, "of": max(outcome.of, outcome.tried)},
        "chosen": None,
    }


def limited(document: dict[str, typing.Any], exceeded: abc.Sequence[errors.Problem]) -> dict[str, typing.Any]:
    """Return an explanation with the limits of the project that the request would exceed: then it does not fit."""
    if not exceeded:
        return document
    quota = [{name: problem[name] for name in ("resource", "limit", "used", "asked")} for problem in exceeded]
    sentences = " ".join(problem["detail"] for problem in exceeded)
    summary = sentences if document["fits"] else f"{document['summary']} {sentences}"
    return document | {"fits": False, "summary": summary, "quota": quota}


def _explained(database: store.Store, nothing: selection.Nothing) -> tuple[Explainer, list[PartReport], str]:
    explainer = Explainer(database, nothing.among)
    reports = [explainer.report(part) for part in nothing.parts]
    failed = [report for report in reports if report.cause]
    if failed:
        return explainer, reports, " ".join(report.sentence for report in failed)
    for report in reports:
        report.left.append((TOGETHER, 0))
    return explainer, reports, _together(database, explainer, nothing)


def _together(database: store.Store, explainer: Explainer, nothing: selection.Nothing) -> str:
    """Return a sentence about the place that came nearest to having everything."""
    nearest = nothing.nearest
    if nearest is None or not nearest.limit:
        nearest = survey.nearest(database, nothing, explainer.unusable)
    if nearest is None:
        return "The devices that fit belong to pod managers that offer no way to compose them."
    one, many = NAMES[nearest.part.device_type]
    podm = explainer.names.get(nearest.place.podm_id, nearest.place.podm_id)
    place = f"{_zone_name(database, nearest.place.zone)} of {podm}" if nearest.place.zone else podm
    if nearest.limit:
        return f"Each part is free, but {place} allows no such node: its limit is {nearest.limit}."
    rest = (
        ""
        if nothing.tried >= nothing.of
        else f" {nothing.tried} of {words.counted(nothing.of, 'zone')} tried."
    )
    conditions = [rule.text(nearest.part) for rule in weighing.RULES if rule.condition(nearest.part)]
    needed = f" with {' and '.join(conditions)}" if conditions else ""
    number = f"{nearest.part.count} free {many}" if nearest.part.count > 1 else f"a free {one}"
    return (
        f"Each part is free, but nowhere together: {place}, which has most of them, has not {number}{needed}"
        f"{_largest(database, nearest)}.{rest}"
    )


def _largest(database: store.Store, nearest: combining.Shortage) -> str:
    """Return the end of a sentence: the largest free device of the type that the place has."""
    zonings = candidates.among("zoning", nearest.place.zonings)
    filters = [_of_type(nearest.part), zonings, *candidates.FREE]
    sort = [store.Sort("size", descending=True)]
    found = database.list(models.Device, filters=filters, sort=sort, limit=1)
    if not found or not nearest.part.size:
        return ""
    return f"; the largest has {weighing.size_text(found[0].size, nearest.part.device_type)}"


def _zone_name(database: store.Store, zone: str) -> str:
    filters = [store.Filter("uuid", "eq", zone)]
    found = database.list(models.ResourceState, filters=filters, limit=1, fields=("name",))
    return f"zone {found[0].name if found and found[0].name else zone}"


def _pod_managers(database: store.Store, explainer: Explainer) -> dict[str, int]:
    reasons = list(explainer.unusable.values())
    filters = [store.Filter("method", "eq", candidates.NO_METHOD)]
    without = database.list(models.Zoning, filters=filters, fields=("podm_id",))
    return {
        "considered": len(explainer.names),
        "offline": reasons.count("offline"),
        "maintenance": reasons.count("maintenance"),
        "unserved": reasons.count("unserved"),
        "cannot_compose": len({row.podm_id for row in without}),
    }


def _fitting(database: store.Store, choice: selection.Choice) -> dict[str, typing.Any]:
    """Return the explanation of a choice."""
    filters = [store.Filter("uuid", "in", choice.uuids)]
    rows = {row.uuid: row for row in database.list(models.Device, filters=filters)}
    devices = [
        {"part": part, "device_id": device.uuid}
        | {name: getattr(rows.get(device.uuid, device), name) for name in ("device_type", "model", "size")}
        for part, device in choice.devices
    ]
    others = [{"podm_id": place.podm_id, "zone_id": place.zone} for place in choice.alternatives]
    number = len(devices)
    return {
        "fits": True,
        "summary": f"{number} device{'s' if number > 1 else ''} would be taken. {choice.because}",
        "parts": [],
        "zonings": {"tried": choice.tried, "of": choice.tried},
        "chosen": {
            "podm_id": choice.podm_id,
            "zone_id": choice.place.zone,
            "devices": devices,
            "alternatives": others,
            "because": choice.because,
        },
    }


def dry_run(
    database: store.Store,
    asked: requirements.Requirements,
    *,
    policy: str | None = None,
    among: selection.Among = selection.ANYWHERE,
    base: bool = True,
) -> dict[str, typing.Any]:
    """Return what a request for requirements in their normal form would get, and why; nothing is stored or contacted.

    Shape: ``{"fits", "summary", "parts", "zonings", "chosen"}``, and ``"pod_managers"`` where nothing fits.
    """
    wanted = requirements.wanted(asked, base=base)
    return document(database, selection.choose(database, wanted, policy=policy, among=among))
