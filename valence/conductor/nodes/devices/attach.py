# SPDX-License-Identifier: Apache-2.0
"""Add devices to the machine of a node, and remove them.

The operation has the UUIDs of its devices as ``handle["devices"]``. A request whose answer was lost is never repeated
before the machine was seen without its effect. The claim of a device ends only when no machine was seen to use it.
"""

import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.composition.claims import returning
from valence.conductor.events import outbox
from valence.conductor.inventory import drift
from valence.conductor.inventory import losses
from valence.conductor.nodes import hardware
from valence.conductor.nodes import job
from valence.conductor.nodes.devices import additions
from valence.conductor.nodes.devices import erasing
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSED
from valence.db.models.node import ERROR_LENGTH
from valence.podmanagers import base
from valence.podmanagers import composers

#: states of the claims of devices that are added, that the node has, and that are removed
ATTACHING, ATTACHED, DETACHING = "attaching", "attached", "detaching"
#: seconds for which a step polls in a removal that the sweep repeats
REPEAT_SECONDS = 15.0
#: what is not left behind by a request that raised it
_REFUSED = (
    composition_errors.DeviceTaken,
    introspection_errors.NotOffered,
    errors.PodManagerUnreachable,
)


class _Change(hardware.Hardware):
    """The steps that both operations have: remove devices from the machine, and wait until they are free."""

    def claims(self) -> list[models.Claim]:
        """Return the claims of the devices that the operation is about."""
        mine = self.job.handle.get("devices", ())
        return [claim for claim in super().claims() if claim.device_id in mine]

    def power_off(self) -> float | None:
        """Switch the machine off where the request says so."""
        asked = self.job.handle.get(self.kind) or {}
        if not asked.get("power_off"):
            return None
        self.require_paths()  # a machine is not switched off for a device that nobody can reach
        return self.switched_off(self.machine_url) if self.urls else None

    def detach(self) -> float | None:
        """Request that the machine loses the devices that it lists, one after the other."""
        if self.is_untouched:
            return None
        self.require_paths()  # a device without a path would count as free without being read
        with self.job.driver() as driver:
            return self._removed(driver, driver.composer())

    def gone(self) -> float | None:
        """Poll until the machine does not use the devices any more."""
        if self.is_untouched:
            return None
        self.require_paths()
        is_undone = "failure" in self.job.handle
        with self.job.driver() as driver:
            composer = driver.composer()
            # A request whose answer was lost may have arrived since the last look.
            if is_undone and (seconds := self._removed(driver, composer)) is not None:
                return seconds
            looked = composer.look(self.urls)
        for part in looked:
            if part.is_changing or self.machine_url in part.consumers:
                self.job.save(free_at=None)
                return self.again(f"{part.resource_url} is not free: {part.reason or 'it is changing'}")
        if is_undone and (seconds := self.until_free_twice()):
            return seconds
        self.note_free(looked)
        return None

    def pause(self, error: errors.ValenceError) -> float | None:
        """Wait for a pod manager that does not answer, once devices may have been added or removed."""
        is_away = isinstance(error, errors.PodManagerUnreachable)
        return self.again(error.detail) if is_away and self._is_begun else None

    @property
    def kind(self) -> str:
        """The kind of the operation."""
        return "detach"

    @property
    def is_untouched(self) -> bool:
        """Whether the machine cannot have got one of the devices."""
        return False

    @property
    def machine_url(self) -> str:
        """The path of the machine."""
        return typing.cast(str, self.job.node.resource_url)

    @property
    def _is_begun(self) -> bool:
        counts = [self.job.handle.get(name) or {} for name in ("asked", "removals")]
        return "failure" in self.job.handle or any(number for each in counts for number in each.values())

    def listed(self, composer: composers.Composer) -> tuple[str, ...]:
        """Return the paths of the operation's devices that the machine has; raise ResourceGone, MachineLost."""
        urls = self.urls
        present = self._machine(composer, urls).resource_urls
        return tuple(url for url in urls if url in present)

    def _machine(self, composer: composers.Composer, urls: tuple[str, ...]) -> composers.Composed:
        """Return the machine as it is; raise MachineLost where another one is at its path."""
        machine = composer.machine(self.machine_url, urls, self.job.node.uuid)
        losses.require_same(self.job.node, self.machine_url, machine.sign)
        return machine

    def number(self, name: str, url: str) -> int:
        """Return how often something was requested for a device, by the name of the count in the handle."""
        return int((self.job.handle.get(name) or {}).get(url, 0))

    def counted(self, name: str, url: str, number: int) -> dict[str, dict[str, int]]:
        """Return the values of the handle with another number of requests for a device."""
        return {name: (self.job.handle.get(name) or {}) | {url: number}}

    def _removed(self, driver: base.PodManagerDriver, composer: composers.Composer) -> float | None:
        """Request what is left to be removed; return the seconds until it is looked for, None where nothing is."""
        if (seconds := self.followed(driver, self._ended)) is not None:
            return seconds
        for url in self._left(composer):
            if self.job.handle.get("accepted") == url:
                return self.again(f"The machine still has {url}.")
            if (seconds := self._remove(composer, url)) is not None:
                return seconds
        return None

    def _remove(self, composer: composers.Composer, url: str) -> float | None:
        number = self.number("removals", url)
        if number >= hardware.MOST_REQUESTS:
            reason = f"{number} requests to remove {url} were lost without effect"
            raise composition_errors.CompositionFailed(url=self.machine_url, reason=reason)
        self.job.save(**self.counted("removals", url, number + 1), current=url)
        try:
            seconds = self.asked(
                lambda: composer.detach(self.machine_url, url),
                refused=self.counted("removals", url, number),
                ended=self._note_ended,
            )
        except errors.PodManagerUnreachable:
            self.job.save(**self.counted("removals", url, number))  # it was not sent
            raise
        except errors.PodManagerError:
            if url in self._left(composer):
                raise
            return None  # an earlier request has arrived meanwhile
        if seconds is None and url in self._left(composer):
            return self.again(f"The machine still has {url}.")
        return seconds

    def _ended(self, outcome: base.Outcome) -> dict[str, typing.Any]:
        """Return what the handle keeps of an answer: which removal was accepted."""
        return {"accepted": self.job.handle.get("current")} if outcome.state == base.DONE else {}

    def _note_ended(self, outcome: base.Outcome) -> dict[str, typing.Any]:
        """Keep what the handle keeps of an answer for the next commit: without it, the machine is read again."""
        self.job.note(**self._ended(outcome))
        return {}

    def _left(self, composer: composers.Composer) -> tuple[str, ...]:
        """Return the devices that the machine has; a machine that is gone has none."""
        try:
            return self.listed(composer)
        except errors.ResourceGone:
            return ()

    def retried(self, error: errors.ValenceError) -> job.Ending:
        """Return the end of a removal that has to be tried again: the claims stay, and say why."""
        values, mine = {"state": COMPOSED, "error": None}, self.claims()
        changes: list[store.Change] = [
            store.Update(claim, {"state": DETACHING, "error": error.detail[:ERROR_LENGTH]}) for claim in mine
        ]
        devices = self.due | {claim.device_id for claim in mine}
        later = self.backoff(self._again.get("tries", 0)) | {"devices": sorted(devices)}
        later |= {"erase": True} if self._is_asked_to_erase else {}
        events = self.events("device_failed", changes, reason=error.detail)
        return job.Ending(values | {"handle": {"again": later}}, [*changes, *events])

    @property
    def due(self) -> frozenset[str]:
        """The devices of the node whose removal has failed before, and is tried again: their UUIDs."""
        return frozenset(self._again.get("devices", ()))

    @property
    def _is_asked_to_erase(self) -> bool:
        """Whether the request for a removal wants the devices to be erased."""
        return bool((self.job.handle.get("detach") or self._again).get("erase"))

    @property
    def _erasure(self) -> erasing.Erasure:
        return erasing.Erasure(self, self.claims())

    @property
    def _again(self) -> dict[str, typing.Any]:
        return self.job.node.handle.get("again") or {}

    def events(
        self, happened: str, changes: typing.Iterable[store.Change], **more: typing.Any
    ) -> list[store.Change]:
        """Return an event for each device of the operation, with the node as it is after changes of claims."""
        rows, node = self.claims(), self.job.node
        error = self.job.failures(changes) if node.error else None
        node = node.replace(state=COMPOSED, error=error)
        return device_events(self.job, node, rows, happened, **more)


class Attach(_Change):
    """Add devices to the machine: the handle has ``attach``, the request."""

    names = ("verify", "power_off", "attach", "check")
    undo = ("detach", "gone", "erase")
    light = frozenset((*names, *undo))

    def erase(self) -> float | None:
        """Erase the devices that the machine may have had, where the site wants it."""
        erasure = self._erasure
        return erasure.make(None) if erasure.is_wanted(False) else None

    @property
    def _erasure(self) -> erasing.Erasure:
        mine = self.claims()
        paths = self.paths([claim.device_id for claim in mine])
        asked = self.job.handle.get("asked") or {}
        return erasing.Erasure(self, [claim for claim in mine if asked.get(paths.get(claim.device_id))])

    @property
    def kind(self) -> str:
        return "attach"

    @property
    def is_untouched(self) -> bool:
        return not any((self.job.handle.get("asked") or {}).values())

    def verify(self) -> float | None:
        """Read the devices live, and choose others where somebody took one since the last synchronization."""
        self._ensure_claims()
        self.require_paths()
        with self.job.driver() as driver:
            taken = [part for part in driver.composer().look(self.urls) if not part.is_free]
        if not taken:
            return None
        self._replace({part.resource_url: part.reason or "the pod manager says so" for part in taken})
        return 0.0

    def attach(self) -> float | None:
        """Request the devices that the machine has not got, one after the other."""
        self._ensure_claims()
        self.require_paths()
        with self.job.driver() as driver:
            composer = driver.composer()
            if (seconds := self.followed(driver, lambda _: {})) is not None:
                return seconds
            present = self.listed(composer)
            for url in self.urls:
                if url not in present and (seconds := self._add(composer, url)) is not None:
                    return seconds
        return None

    def check(self) -> float | None:
        """Poll until the machine has the devices, and they are ready."""
        self.require_paths()  # any machine has all of no devices
        with self.job.driver() as driver:
            machine = self._machine(driver.composer(), self.urls)
        if machine.state == composers.FAILED:
            reason = "the pod manager says that it failed"
            raise composition_errors.CompositionFailed(url=self.machine_url, reason=reason)
        if machine.state == composers.COMPOSED and set(self.urls) <= set(machine.resource_urls):
            return None
        return self.again("The machine does not list all its parts.")

    def succeeded(self) -> job.Ending:
        attached = [store.Update(claim, {"state": ATTACHED}) for claim in self.claims()]
        changes = [*attached, *self.events("device_attached", attached)]
        return super().succeeded()._replace(changes=changes)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Give the devices back: they were seen to be free, or nothing was requested. The node is as it was."""
        freed = returning(self.job.store, self.claims(), self._erasure.values())
        events = self.events("device_failed", freed, reason=error.detail)
        return job.Ending({"state": COMPOSED, "error": None}, [*freed, *events])

    def stranded(self, error: errors.ValenceError) -> job.Ending:
        """Keep the claims: the sweep requests the removal of the devices again. The node keeps its machine."""
        return self.retried(error)

    def _add(self, composer: composers.Composer, url: str) -> float | None:
        """Request a device; return the seconds until it is looked for, None where the machine has it."""
        number, before = self.number("asked", url), self.job.handle.get("asked") or {}
        if number and (seconds := self._until_repeatable(composer, url, number)) is not None:
            return seconds
        attaching = [store.Update(claim, {"state": ATTACHING}) for claim in self.claims()]
        self.job.save(*attaching, **self.counted("asked", url, number + 1), free_at=None)
        try:
            seconds = self.asked(lambda: composer.attach(self.machine_url, url), refused={"asked": before})
        except _REFUSED as error:
            return self._refused(composer, url, error, before)
        if seconds is None and url not in self.listed(composer):
            return hardware.INTERVAL
        return seconds

    def _until_repeatable(self, composer: composers.Composer, url: str, number: int) -> float | None:
        """Return the seconds until a device may be requested again, None if it may now; raise where it may not."""
        (part,) = composer.look([url])
        if part.consumers and self.machine_url not in part.consumers:
            raise composition_errors.DeviceTaken(device=url, reason=part.reason or "another machine has it")
        if part.is_changing or not part.is_free:
            self.job.save(free_at=None)
            return self.again(f"{url} is in use, but the machine does not list it.")
        if (seconds := self.until_free_twice()) is not None:
            return seconds
        if number >= hardware.MOST_REQUESTS:
            reason = f"{number} requests for {url} were answered, or lost, without effect"
            raise composition_errors.CompositionFailed(url=self.machine_url, reason=reason)
        return None

    def _refused(
        self,
        composer: composers.Composer,
        url: str,
        error: errors.ValenceError,
        before: typing.Mapping[str, int],
    ) -> float:
        """Go on after a request that changed nothing, or raise its error."""
        is_taken = isinstance(error, composition_errors.DeviceTaken)
        if is_taken and url in self.listed(composer):
            return 0.0  # an earlier request has arrived meanwhile
        self.job.save(asked=dict(before))  # nothing was added, so that nothing has to be removed
        if not is_taken:
            raise error
        self._replace({url: error.detail})
        return 0.0

    def _ensure_claims(self) -> None:
        """Choose devices where the operation has given its devices back."""
        if not self.claims():
            self.job.choose_again(additions.choose_again)

    def _replace(self, taken: typing.Mapping[str, str]) -> None:
        """Give the devices back to choose others; raise DeviceTaken where that is not wanted, or was done too often."""
        handle = self.job.handle
        choices, is_named = handle.get("choices", 1), additions.named_by(handle["attach"]) is not None
        if is_named or not self.is_untouched or choices >= hardware.MOST_CHOICES:
            url, reason = next(iter(taken.items()))
            raise composition_errors.DeviceTaken(device=url, reason=reason)
        self.job.save(choices=choices + 1)
        self.job.give_back(taken, self.claims())


class Detach(_Change):
    """Remove devices from the machine: the handle has ``detach``, the request, unless the sweep repeats a removal."""

    names = ("power_off", "detach", "gone", "erase")
    light = frozenset(names)

    def require_paths(self) -> None:
        """Raise DeviceGone where the inventory lacks a device, unless it was noted before: then it is gone for good.

        Such a device is released: if it comes back, a synchronization sees whether a machine uses it.
        """
        mine = self.claims()
        paths = self.paths([claim.device_id for claim in mine])
        gone = {claim.device_id for claim in mine if not additions.is_seen_gone(claim)} - paths.keys()
        if gone:
            raise composition_errors.DeviceGone(device=min(gone))

    def erase(self) -> float | None:
        """Erase the devices, which no machine uses any more, where the site or the request wants it."""
        erasure = self._erasure
        return erasure.make(None) if erasure.is_wanted(self._is_asked_to_erase) else None

    @property
    def patience(self) -> float:
        """The seconds for which a step polls: few in a removal that the sweep repeats, because nobody waits for it.

        Other operations on the node are refused meanwhile; the next repetition looks what has become of this one.
        """
        is_requested = "detach" in self.job.handle
        return super().patience if is_requested else min(super().patience, REPEAT_SECONDS)

    def may_cancel(self) -> bool:
        """Whether the hardware is unchanged."""
        handle = self.job.handle
        is_removed = any((handle.get("removals") or {}).values())
        return not is_removed and handle.get("shutdown_at") is None and not self._erasure.is_begun

    def succeeded(self) -> job.Ending:
        mine, erasure = self.claims(), self._erasure
        due = sorted(self.due - {claim.device_id for claim in mine})
        again = self._again | {"devices": due} if due else None
        values = {"state": COMPOSED, "error": None, "handle": {"again": again}}
        freed = returning(self.job.store, mine, erasure.values())
        return job.Ending(values, [*freed, *self.events("device_detached", freed)], erasure.result)

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Return the devices to the node; one that its machine has lost stays claimed until it was seen to be free.

        A removal that the sweep repeats, or that was due before, is tried again: the machine may have lost the device.
        """
        mine = self.claims()
        is_unseen = isinstance(error, composition_errors.DeviceGone)
        if (
            is_unseen
            or self.job.step in ("gone", "erase")
            or any(claim.device_id in self.due for claim in mine)
        ):
            return self.retried(error)
        # A device that had failed before is not whole by that: its claim still says why.
        kept = [store.Update(claim, {"state": drift.FAILED if claim.error else ATTACHED}) for claim in mine]
        return job.Ending({"state": COMPOSED, "error": None}, kept)


def device_events(
    one: job.Job, node: models.Node, rows: typing.Sequence[models.Claim], happened: str, **more: typing.Any
) -> list[store.Change]:
    """Return an event of a node for each of these claims."""
    wanted = [store.Filter("uuid", "in", [claim.device_id for claim in rows])]
    devices = {row.uuid: row for row in one.store.list(models.Device, filters=wanted)} if rows else {}
    return [
        outbox.event(
            "node",
            one.context,
            happened,
            new=node,
            more=outbox.about_device(claim, devices.get(claim.device_id), **more),
        )
        for claim in rows
    ]
