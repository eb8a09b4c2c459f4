# SPDX-License-Identifier: Apache-2.0
"""Erase the drives of storage devices before a node returns the devices.

A device is erased while the node has its claim, so that no other node can get it, and only while no other machine uses
it. What is under way is stored as ``handle["erasure"]``, by the UUIDs of devices. A request whose answer was lost is
sent again: to erase a drive twice does no harm.

Only what the pod manager says of the device ends its erasing: that it cannot be erased, that it is gone, or a refusal.
An error of a read is a pause. ``handle["watched"]`` has the times since when devices are waited for: since the first
request that was accepted, or the first pause before it. The time in which nobody could look does not count.
"""

import functools
import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.composition import claims
from valence.conductor.events import outbox
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import hardware
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.conductor.nodes.devices import additions
from valence.db import models
from valence.db import store
from valence.db.models import device as devices
from valence.db.models.node import COMPOSED
from valence.podmanagers import base

#: values of [composition] erase
NEVER, IF_OFFERED, REQUIRED = "never", "if_offered", "required"
#: result of an operation that returned a device which was not erased
NOT_ERASED = "not_erased"
STORAGE = "Storage"
#: intervals between two looks at a drive that says that it is being erased
POLL_INTERVALS = 5
#: states of claims whose device a machine has had
_USED = ("attaching", "attached", "detaching", "failed")
#: most characters of a reason, as far as a device and an event show it
_LENGTH = 255


Notes = dict[str, typing.Any]


class Erasure:
    """Erases the storage devices of ``mine``, claims of the node that ``steps`` work on.

    Unless it is for a release, it says nothing of them in the projection of devices.
    """

    def __init__(
        self, steps: hardware.Hardware, mine: typing.Sequence[models.Claim], *, is_release: bool = True
    ) -> None:
        self._steps, self._job, self._claims, self._is_release = steps, steps.job, mine, is_release

    def is_wanted(self, asked: bool) -> bool:
        """Return whether there are devices to erase, and the site or, if ``asked``, a client wants that."""
        return (asked or self._job.options.erase != NEVER) and bool(self._targets())

    @property
    def is_begun(self) -> bool:
        """Whether a device may have been erased, or is noted as one that cannot be."""
        return bool(self._job.handle.get("erasure"))

    def make(self, machine_url: str | None) -> float | None:
        """Erase what is left; return the seconds until the next look, None once each device has ended.

        ``machine_url`` is the node's machine, which is off: no other one may use the devices.
        """
        pauses: list[float] = []
        targets = self._targets()
        paths = self._steps.paths([claim.device_id for claim in targets])
        with self._job.driver() as driver:
            for claim in targets:
                place = paths.get(claim.device_id), self._devices.get(claim.device_id)
                one = _Device(self._job, claim, *place, driver, is_release=self._is_release)
                if not one.has_ended and (seconds := one.go_on(machine_url)) is not None:
                    pauses.append(seconds)
        self._note_answers()
        return min(pauses) if pauses else None

    def _note_answers(self) -> None:
        """Store that the pod manager answers; devices get the time back in which it did not."""
        if since := self._job.handle.get("since"):
            away = self._job.store.now() - since["at"]
            watched = {uuid: at + away for uuid, at in (self._job.handle.get("watched") or {}).items()}
            self._job.save(since=None, watched=watched or None)

    @property
    def left(self) -> dict[str, str]:
        """Why devices were not erased, by their UUIDs."""
        mine = {claim.device_id for claim in self._claims}
        return {uuid: each["left"] for uuid, each in self._notes.items() if each.get("left") and uuid in mine}

    @property
    def result(self) -> str:
        """The result of the operation."""
        return NOT_ERASED if self.left else "complete"

    def values(self) -> dict[str, dict[str, typing.Any]]:
        """Return the values that devices get when they are returned, by their UUIDs."""
        found: dict[str, dict[str, typing.Any]] = {}
        for device in _rows(self._job.store, self._notes):
            if left := self._notes[device.uuid].get("left"):
                found[device.uuid] = _unerased(self._job, device, left)
            elif device.state == devices.DIRTY or is_unerased(device):
                found[device.uuid] = {"state": devices.FREE, "reason": None}
        return found

    @property
    def _notes(self) -> dict[str, Notes]:
        return self._job.handle.get("erasure") or {}

    def _targets(self) -> list[models.Claim]:
        """Return the claims of storage devices that a machine has had."""
        return storage([claim for claim in self._claims if claim.state in _USED], self._devices)

    @functools.cached_property
    def _devices(self) -> dict[str, models.Device]:
        """The rows of the claimed devices by UUID, as they are when this erasing goes on."""
        rows = _rows(self._job.store, [claim.device_id for claim in self._claims])
        return {row.uuid: row for row in rows}


def storage(
    mine: typing.Sequence[models.Claim], rows: typing.Mapping[str, models.Device]
) -> list[models.Claim]:
    """Return those of the claims that are about storage devices; ``rows`` are the devices by UUID."""
    kinds = {uuid: row.device_type for uuid, row in rows.items()}
    return [claim for claim in mine if kinds.get(claim.device_id, _kind(claim)) == STORAGE]


def erasable(
    database: store.Store, node: models.Node, action: typing.Mapping[str, typing.Any]
) -> list[models.Claim]:
    """Return the claims of the devices that an action erases: the one that it names, or all storage devices.

    Raise NotOffered for a machine that was not composed, ValidationFailed for a device that cannot be erased.
    """
    if node.kind == "system":
        raise introspection_errors.NotOffered(what="erasing of the drives of a system that was not composed")
    name = additions.named_by(action)
    mine = rights.claims(database, node)
    found = storage(mine, {row.uuid: row for row in _rows(database, [claim.device_id for claim in mine])})
    found = [claim for claim in found if name is None or claim.device_id == action[name]]
    if found:
        return found
    path = f"$.erase.{name}" if name else "$.erase"
    detail = "The node has no such storage device." if name else "The node has no storage devices."
    hint = f"GET /v1/nodes/{node.uuid}/devices lists its devices; only those of the type Storage are erased."
    raise errors.ValidationFailed(problems=[{"path": path, "detail": detail, "hint": hint}])


def is_unerased(device: models.Device) -> bool:
    """Return whether a device says that it was not erased."""
    return devices.UNERASED in str(device.reason)


def _unerased(one: job.Job, device: models.Device, left: str) -> dict[str, typing.Any]:
    """Return the values of a device that was not erased.

    A synchronization may not have seen yet that nobody uses it. One that is faulty keeps that reason, too.
    """
    reason = _reason(one, left)
    if one.options.erase == REQUIRED:
        return {"state": devices.DIRTY, "reason": reason[:_LENGTH]}
    is_faulty = device.reason and device.state not in (devices.FREE, devices.IN_USE)
    fault = str(device.reason).partition(devices.UNERASED)[0] if is_faulty else ""
    return {"reason": f"{fault.strip()} {reason}".strip()[:_LENGTH]}


def _reason(one: job.Job, left: str) -> str:
    return f"{devices.UNERASED}{one.node.uuid}: {left}"


def _rows(database: store.Store, uuids: typing.Collection[str]) -> list[models.Device]:
    named = [store.Filter("uuid", "in", sorted(uuids))]
    return list(database.list(models.Device, filters=named)) if uuids else []


def _kind(claim: models.Claim) -> str:
    """Return the type of a device that is not projected, as far as its part tells."""
    return STORAGE if claim.part.startswith("storage") else ""


class Erase(hardware.Hardware):
    """Erase storage devices that the node keeps: ``handle["devices"]`` are their UUIDs. The machine stays off."""

    names = ("power_off", "erase", "check")
    is_structural = False

    def claims(self) -> list[models.Claim]:
        """Return the claims of the devices that are erased."""
        mine = self.job.handle.get("devices", ())
        return [claim for claim in super().claims() if claim.device_id in mine]

    def power_off(self) -> float | None:
        """Switch the machine off: it must not use a drive that is erased."""
        return self.switched_off(self.job.node.resource_url)

    def erase(self) -> float | None:
        """Erase the devices."""
        return self._erasure.make(self.job.node.resource_url)

    def check(self) -> None:
        """Raise NotErased for the first device that could not be erased."""
        for uuid, reason in sorted(self._erasure.left.items()):
            raise composition_errors.NotErased(device=uuid, reason=reason)

    def may_cancel(self) -> bool:
        """Whether nothing was erased."""
        return not self._erasure.is_begun

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that does not answer, once something may have been erased."""
        is_away = isinstance(error, errors.PodManagerUnreachable)
        return self.again(error.detail) if is_away and self._erasure.is_begun else None

    def failed(self, error: errors.ValenceError) -> job.Ending:
        return job.Ending({"state": COMPOSED, "error": None})

    @property
    def _erasure(self) -> Erasure:
        return Erasure(self, self.claims(), is_release=False)


class _Left(Exception):
    """Why a device cannot be erased."""


class _Device:
    """One device that is erased: ``erasure`` has its ``media``, with requests and tasks, and how it ended."""

    def __init__(
        self,
        one: job.Job,
        claim: models.Claim,
        url: str | None,
        row: models.Device | None,
        driver: base.PodManagerDriver,
        *,
        is_release: bool,
    ) -> None:
        self._job, self._claim, self._url, self._row = one, claim, url, row
        self._driver, self._composer, self._is_release = driver, driver.composer(), is_release

    @property
    def has_ended(self) -> bool:
        """Whether the device was erased, or cannot be."""
        return bool(self._notes.get("erased") or self._notes.get("left"))

    def go_on(self, machine_url: str | None) -> float | None:
        """Request or poll what is left; return the seconds until the next look, None once the device has ended."""
        try:
            seconds = self._go_on_or_pause(machine_url)
        except _Left as error:
            return self._end(left=str(error))
        except (introspection_errors.NotOffered, errors.ResourceGone) as error:
            return self._end(left=error.detail)
        return self._end(erased=True) if seconds is None else seconds

    def _go_on_or_pause(self, machine_url: str | None) -> float | None:
        """Go on; an error that says nothing of the device is a pause."""
        try:
            return self._go_on(self._possible(machine_url))
        except composition_errors.PodManagerBusy as error:
            return self._waited(min(float(error.retry_after), hardware.LONGEST_PAUSE), error.detail)
        except (errors.PodManagerAuthFailed, errors.PodManagerUnreachable, errors.ResourceGone):
            raise
        except errors.PodManagerError as error:
            return self._waited(POLL_INTERVALS * hardware.INTERVAL, error.detail)

    def _possible(self, machine_url: str | None) -> str:
        """Return the path of the device; raise _Left where it must not be erased now, or cannot be."""
        if self._url is None:
            raise _Left("It is gone from the inventory of its pod manager.")
        if claims.is_lost(self._claim):
            raise _Left(self._claim.error)
        if self._row is not None and self._row.slots > 1:
            raise _Left("Several machines can share it.")
        (part,) = self._composer.look([self._url])
        if others := [url for url in part.consumers if url != machine_url]:
            raise _Left(f"{others[0]} uses it.")
        return self._url

    def _go_on(self, resource_url: str) -> float | None:
        if "media" not in self._notes:
            media = {url: {} for url in self._composer.media(resource_url)}
            self._keep(media=media, since=self._job.store.now())  # the version before needs ``since``
        pauses = []
        for url, notes in self._notes["media"].items():
            if not notes.get("erased") and (seconds := self._medium(url, notes)) is not None:
                # Without a pause something has ended, and is looked at again.
                pauses.append(self._waited(seconds, f"{url} has not ended it.") if seconds else seconds)
        return min(pauses) if pauses else None

    def _waited(self, seconds: float, reason: str) -> float:
        """Return the seconds to wait; raise _Left where the device was waited for longer than the limit."""
        limit, watched = self._job.options.erase_timeout, self._job.handle.get("watched") or {}
        if self._claim.device_id not in watched:
            self._watch()
        elif self._now - watched[self._claim.device_id] > limit:
            raise _Left(f"It was not erased within {limit} seconds: {reason}")
        return seconds

    def _watch(self) -> None:
        """Let the time limit of the device begin now."""
        watched = self._job.handle.get("watched") or {}
        self._job.note(watched=watched | {self._claim.device_id: self._now})

    @property
    def _now(self) -> float:
        """The time at which the pod manager stopped to answer, or now."""
        since = self._job.handle.get("since")
        return typing.cast(float, since["at"] if since else self._job.store.now())

    def _medium(self, url: str, notes: Notes) -> float | None:
        """Go on with one drive or volume; return the seconds until the next look, None once it is erased."""
        seconds = self._advanced(url, notes)
        # What has ended without a task to follow is looked at once more.
        return self._advanced(url, self._notes["media"][url]) if seconds == 0.0 else seconds

    def _advanced(self, url: str, notes: Notes) -> float | None:
        if notes.get("task"):
            return self._follow(url, notes)
        if notes.get("requests"):
            if self._composer.is_erasing(url):
                if not notes.get("seen"):
                    self._note(url, seen=True)
                return POLL_INTERVALS * hardware.INTERVAL
            if notes.get("seen"):
                self._note(url, erased=True)
                return None
        return self._request(url, notes)

    def _request(self, url: str, notes: Notes) -> float | None:
        requests = notes.get("requests", 0)
        if requests >= hardware.MOST_REQUESTS:
            raise _Left(
                notes.get("failure") or f"The answers to {requests} requests to erase {url} were lost."
            )
        self._waited(0.0, f"{url} has to be asked again.")
        self._note(url, requests=requests + 1, seen=False)
        self._job.save()  # before it is sent
        try:
            return self._take(url, self._composer.erase(url))
        except composition_errors.HardwareOutcomeUnknown:
            work_metrics.OUTCOMES_UNKNOWN.labels("erase").inc()
            return hardware.INTERVAL
        except errors.PodManagerUnreachable:
            self._note(url, requests=requests)  # it was not accepted
            raise
        except errors.PodManagerAuthFailed:
            raise
        except errors.PodManagerError as error:
            self._note(url, failure=error.detail)
            return hardware.INTERVAL

    def _follow(self, url: str, notes: Notes) -> float | None:
        """Poll the task of a request; one that failed, or was interrupted, is requested again.

        A failure is read twice: it may be that of the one read.
        """
        try:
            return self._take(url, self._driver.follow(notes["task"]))
        except (errors.PodManagerUnreachable, errors.PodManagerAuthFailed):
            raise
        except errors.ResourceGone:
            return self._take(url, base.Outcome(base.UNKNOWN))
        except errors.PodManagerError as error:
            if notes.get("doubted"):
                self._note(url, task=None, failure=error.detail, doubted=False)
            else:
                self._note(url, doubted=True)
            return hardware.INTERVAL

    def _take(self, url: str, outcome: base.Outcome) -> float:
        """Note what became of a request; return the seconds until the next look."""
        if not self._notes.get("accepted"):
            self._keep(accepted=True)
            self._watch()
        if outcome.state == base.TASK:
            self._note(url, task=outcome.task_url, doubted=False)
            return float(outcome.retry_after or hardware.INTERVAL)
        is_done = outcome.state == base.DONE
        self._note(url, task=None, seen=is_done, doubted=False)
        return 0.0 if is_done else hardware.INTERVAL

    @property
    def _notes(self) -> Notes:
        return (self._job.handle.get("erasure") or {}).get(self._claim.device_id) or {}

    def _note(self, url: str, **values: typing.Any) -> None:
        media = self._notes["media"]
        self._keep(media=media | {url: media[url] | values})

    def _end(self, **ended: typing.Any) -> None:
        """Store what became of the device, with the event.

        The device says so at once, whatever becomes of the rest: a synchronization may write it as it is returned.
        """
        left = ended.get("left")
        work_metrics.ERASURES.labels("not_erased" if left else "erased").inc()
        device = self._row
        more = {"reason": left} if left else {}
        about = outbox.about_device(self._claim, device, **more)
        happened = "device_not_erased" if left else "device_erased"
        changes = [outbox.event("node", self._job.context, happened, new=self._job.node, more=about)]
        if left and self._is_release:
            changes += self._unerased(device, left)
        self._save(*changes, **ended)

    def _keep(self, **values: typing.Any) -> None:
        self._job.note(**self._with(values))

    def _unerased(self, device: models.Device | None, left: str) -> list[store.Change]:
        """Return the changes that note a device as not erased; one that is gone is dirty when it comes back."""
        if device:
            return [store.Update(device, _unerased(self._job, device, left))]
        if self._job.options.erase != REQUIRED:
            return []
        named = [store.Filter("uuid", "eq", self._claim.device_id)]
        values = {"unerased": _reason(self._job, left)[:_LENGTH]}
        return [
            store.Update(row, values) for row in self._job.store.list(models.RemovedResource, filters=named)
        ]

    def _save(self, *changes: store.Change, **values: typing.Any) -> None:
        self._job.save(*changes, **self._with(values))

    def _with(self, values: Notes) -> Notes:
        """Return the field of the handle with further values of the device."""
        erasure = self._job.handle.get("erasure") or {}
        return {"erasure": erasure | {self._claim.device_id: self._notes | values}}
