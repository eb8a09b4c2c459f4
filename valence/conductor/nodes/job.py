# SPDX-License-Identifier: Apache-2.0
"""One operation on a node, as steps that any conductor can continue.

A step stores what it is about to do before it asks the hardware for it, looks whether that is done already, and waits
by returning: no thread is held while hardware takes its time. A conductor that dies leaves the operation open; the next
one begins with the step that was under way.
"""

import abc
import contextlib
import time
import typing

from oslo_log import log

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.composition import claims
from valence.composition import quotas
from valence.conductor.events import outbox
from valence.conductor.inventory import connections
from valence.conductor.inventory import drift
from valence.conductor.nodes import creation
from valence.conductor.nodes import exchange
from valence.conductor.nodes import rights
from valence.conductor.work import contact
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSED
from valence.db.models.node import ERROR
from valence.db.models.node import ERROR_LENGTH
from valence.podmanagers import base

LOG = log.getLogger(__name__)

#: seconds until an operation on a pod manager in maintenance is polled again
MAINTENANCE_PAUSE = 30.0
#: seconds until a step is repeated whose connection was closed by this conductor
CLOSED_PAUSE = 1.0
#: seconds for which a cancellation, and what was read of a pod manager, are not read again
RECENT = 1.0
#: seconds until taking a node apart is tried again, at first and at most
FIRST_BACKOFF, LONGEST_BACKOFF = 60.0, 3600.0
#: fields of the handle that outlast operations: the UUID by which the inventory had the machine, whether the machine
#: was not there before it was requested, what it can be known by, and when the removal of devices is tried again
LASTING = ("seen", "created", "sign", "again")
#: fields of the handle that identify the hardware of a node
IDENTITY = ("machine_url", "requests", "before", "unpinned", "seen", "sign")
#: those that are kept while a node may have hardware: how it is taken apart is part of the request to do so
KEPT = (*IDENTITY, "force", "erase", "erasure")


def lasting(handle: typing.Mapping[str, typing.Any]) -> dict[str, typing.Any]:
    """Return the fields of a handle that are kept when an operation begins or ends."""
    return {name: value for name in LASTING if (value := handle.get(name))}


class HandedBack(Exception):
    """The conductor stops; another one continues the operation."""


class Ending(typing.NamedTuple):
    """How an operation ended for its node: ``values`` of the node, further ``changes``, ``result`` of a success.

    With ``removes`` the node is gone; its claims go with it.
    """

    values: dict[str, typing.Any]
    changes: typing.Sequence[store.Change] = ()
    result: str = "complete"
    removes: bool = False


class Failure(errors.ValenceError):
    """The error of an operation whose work had to be undone before it could end; it was stored meanwhile."""

    def __init__(self, problem: errors.Problem) -> None:
        super().__init__()
        self.detail = problem["detail"]
        self._problem = problem

    @property
    def problems(self) -> list[errors.Problem]:
        return [self._problem]


class Steps(abc.ABC):
    """The steps of one kind of operation.

    ``names`` are the methods to call, in their order. Each returns None when it is done, or the seconds after which to
    call it again, and may be called again at any time: by this conductor, or by one that knows only what was stored.
    """

    names: tuple[str, ...]
    #: those whose beginning is stored with the next commit. They request nothing before they have stored something: a
    #: successor that begins with the step before finds what they have done.
    light: typing.ClassVar[frozenset[str]] = frozenset()
    #: whether resources come or go with the work, which only a whole synchronization finds out
    is_structural: typing.ClassVar[bool] = False
    #: steps that make a failure, or a cancellation, harmless to the hardware
    undo: typing.ClassVar[tuple[str, ...]] = ()

    def __init__(self, job: "Job") -> None:
        self.job = job

    def may_cancel(self) -> bool:
        """Whether a client may still cancel the operation."""
        return True

    def is_undone(self) -> bool:
        """Whether a failure of the present step is followed by the steps of ``undo``."""
        return bool(self.undo)

    def pause(self, error: errors.ValenceError) -> float | None:
        """Return the seconds after which the step is done again in spite of an error, None where it fails."""
        return None

    def succeeded(self) -> Ending:
        """Return what a success means for the node."""
        return Ending({"state": COMPOSED, "error": None})

    @abc.abstractmethod
    def failed(self, error: errors.ValenceError) -> Ending:
        """Return what a failure means for the node, after the steps of ``undo``."""

    def kept(self, names: typing.Sequence[str] = KEPT) -> dict[str, typing.Any]:
        """Return the fields of the handle that must be kept as long as the node may have hardware."""
        return {name: self.job.handle[name] for name in names if name in self.job.handle}

    def stranded(self, error: errors.ValenceError) -> Ending:
        """Return what a failure of ``undo`` itself means: the node keeps its claims, and is taken apart later."""
        later = self.backoff(self.job.handle.get("tries", 0))
        values = {"state": ERROR, "error": error.detail[:ERROR_LENGTH], "goal": "absent"}
        return Ending(values | {"handle": self.kept() | later})

    def backoff(self, tries: int) -> dict[str, typing.Any]:
        """Return how often something was tried, after ``tries`` times before, and when it is tried again."""
        pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(tries, 10))
        return {"tries": tries + 1, "next_at": self.job.store.now() + pause}


class Job:
    """Runs the steps of one operation under ``lease``, the lease of its node.

    ``hint(podm_id, resource_url, is_structural)`` makes synchronization read a resource, or the whole pod manager,
    again; ``must_end()`` says whether this conductor stops.
    """

    def __init__(
        self,
        conf: typing.Any,
        database: store.Store,
        live_connections: connections.Connections,
        lease: store.Lease,
        operation: models.Operation,
        *,
        kinds: typing.Mapping[str, typing.Callable[["Job"], Steps]],
        hint: typing.Callable[[str, str, bool], None],
        must_end: typing.Callable[[], bool],
        exclusively: typing.Callable[[str], typing.ContextManager[typing.Any]],
    ) -> None:
        self.options, self.store = conf.composition, database
        self._host = conf.host
        self._connections, self._lease = live_connections, lease
        self._hint, self._must_end = hint, must_end
        #: acquires a lease by its name for a ``with`` block; raises LeaseHeld
        self.exclusively = exclusively
        self._operation = operation
        #: whether ``advance`` has passed the beginning; until it is stored the next call has to begin again
        self.has_begun = False
        self._recorder = operations.Recorder(database, operation, lease, conf.host)
        self.node: models.Node = database.get(models.Node, operation.target_id)
        #: fields of the handle that are not stored yet
        self._noted: dict[str, typing.Any] = {}
        self._own = rights.Own(database)
        self._pod_manager: models.PodManager | None = None
        self._read_at = 0.0
        self._steps = kinds[operation.operation_kind](self)

    @property
    def handle(self) -> dict[str, typing.Any]:
        """The stored state of the running operation, with the client's request."""
        return typing.cast(dict[str, typing.Any], self.node.handle)

    @property
    def step(self) -> str:
        """The name of the step that is under way, "" before the first."""
        return typing.cast(str, self._recorder.steps[-1]["name"]) if self._recorder.steps else ""

    def has_step(self, name: str) -> bool:
        """Return whether the operation has begun a step before, or is in it."""
        return any(step["name"] == name for step in self._recorder.steps)

    @property
    def conductor(self) -> str | None:
        """The conductor that is stored with the operation: the last one that began it, None once it handed it back."""
        return typing.cast(str | None, self._recorder.conductor)

    @property
    def context(self) -> context.RequestContext:
        """The context of the request, for events."""
        return self._recorder.context

    def save(self, *changes: store.Change, **values: typing.Any) -> None:
        """Store values of the handle, in one commit with other changes."""
        self._change({"handle": self.handle | values}, *changes, touch=False)

    def note(self, **values: typing.Any) -> None:
        """Set values of the handle that are stored with the next commit, at the latest when ``advance`` returns.

        They are what a successor without them finds out by reading the hardware again.
        """
        self._noted |= values
        self.node = self.node.replace(handle=self.handle | values)

    def note_power(self, state: str | None) -> None:
        """Note the PowerState that was read of the machine: the node shows it until the inventory has the machine."""
        if state not in (None, *base.TRANSITIONAL, self.handle.get("power_state")):
            self.note(power_state=state)

    def claims(self) -> list[models.Claim]:
        """Return the claims of the node, in the order of their devices."""
        return self._own.of(self.node)

    def choose_again(
        self,
        choose: typing.Callable[[store.Store, models.Node, store.Lease], models.Node] = creation.choose_again,
    ) -> None:
        """Claim other devices instead of those that were given back; raise NothingFits, DeviceTaken."""
        self._store_notes()
        self.node = choose(self.store, self._reread(), self._lease)
        self._own.forget()

    def give_back(
        self, taken: typing.Mapping[str, str | None], mine: typing.Sequence[models.Claim] | None = None
    ) -> None:
        """Give devices of the node back, by default all; ``taken`` are the URLs of those that somebody else has."""
        rights.note_taken(self.store, self.node, taken)
        rows = self.claims() if mine is None else mine
        self._own.forget()
        claims.release(self.store, rows, lease=self._lease)

    def go_back(self, name: str) -> None:
        """Let an earlier step be the next one."""
        self._recorder.step(name)

    def claim(self, *changes: store.Change, adds: bool = False) -> None:
        """Store changes of claims; raise DeviceTaken where another node has one of the devices.

        ``adds`` says that the node gets more than it has, so that QuotaExceeded is raised where that is too much.
        """
        self._own.forget()
        try:
            if adds:
                quotas.commit(self.store, self.node.project_id, changes, is_new=False, lease=self._lease)
            else:
                self.store.commit(*changes, lease=self._lease)
        except errors.Duplicate as error:
            device = str(error.kwargs.get("value", "")).partition("/")[0]
            raise composition_errors.DeviceTaken(device=device, reason="another node has it") from error

    def exchange(self, resource_urls: typing.Collection[str]) -> bool:
        """Claim the devices at some paths instead of the node's; return whether they are all known, and enough.

        Raise DeviceTaken where another node has one of them.
        """
        changes = exchange.exchanging(self.store, self.node, resource_urls)
        if changes is None:
            return False
        self.claim(*changes)
        return True

    @contextlib.contextmanager
    def driver(self) -> typing.Iterator[base.PodManagerDriver]:
        """Give a connection to the node's pod manager; raise InMaintenance, SecretUnreadable."""
        if self._pod_manager is None or time.monotonic() - self._read_at > RECENT:
            self._read_at = time.monotonic()
            self._pod_manager = connections.read(self.store, self.node.podm_id)
        with self._connections.use(self._pod_manager, connections.NODES) as driver:
            yield driver

    def advance(self, *, begins: bool) -> float | None:
        """Run steps; return the seconds after which to go on, or None when the operation has ended.

        ``begins`` says whether this process has not worked on the operation before. Raise HandedBack.
        """
        self._recorder.context.update_store()
        seconds = self._advance(begins)
        if seconds is not None:
            self._store_notes()
        return seconds

    def _advance(self, begins):
        try:
            if begins:
                self._begin()
            return self._run()
        except errors.InMaintenance:
            self._forget_polls()
            return MAINTENANCE_PAUSE
        except contact.PASSING:
            raise  # the store is away, or another conductor has the node: the step is repeated
        except errors.ValenceError as error:
            if self._must_end():
                self._store_notes()
                self._recorder.hand_back()
                raise HandedBack from error
            if isinstance(error, errors.ConnectionClosed):
                return CLOSED_PAUSE  # another conductor gets the pod manager, or there is a new connection by then
            return self._pause(error)
        except Exception:  # drivers raise anything; the operation of the node must end
            LOG.exception("node %s: %s failed", self.node.uuid, self._operation.operation_kind)
            return self._fail(errors.Internal(host=self._host))

    def _pause(self, error):
        """Return the seconds after which to go on in spite of an error, or end the operation and return None."""
        try:
            seconds = self._steps.pause(error)
        except errors.ValenceError as last:
            return self._fail(last)
        return self._fail(error) if seconds is None else seconds

    def _begin(self):
        problem = self._recorder.problem
        # A cancellation has no effect while the work is being undone, or once hardware was changed for good.
        is_heard = "failure" not in self.handle and self._steps.may_cancel()
        if problem and (is_heard or not isinstance(problem, errors.Cancelled)):
            raise problem  # once it is stored, the end or the steps of ``undo`` follow
        self._recorder.begin(step=self._left()[0])
        self._forget_polls()
        self.has_begun = True

    def _forget_polls(self):
        """Restart the time limits of the step's polls: while nobody polled, no time passed."""
        if self.handle.get("since") or self.handle.get("watched"):
            self.save(since=None, watched=None)

    def _left(self):
        """Return the names of the steps that are left, from the present one on."""
        names = self._steps.undo if self.handle.get("failure") else self._steps.names
        return names[names.index(self.step) if self.step in names else 0 :]

    def _run(self):
        failure = self.handle.get("failure")
        for name in self._left():
            if not failure and self._steps.may_cancel() and self._recorder.is_cancelled(within=RECENT):
                raise errors.Cancelled
            self._enter(name)
            seconds = getattr(self._steps, name)()
            if seconds is not None:
                return seconds
        if failure:
            error = errors.Cancelled() if failure["cancelled"] else Failure(failure["problem"])
            self._end(self._steps.failed(error), error)
        else:
            self._end(self._steps.succeeded())
        return None

    def _enter(self, name):
        """Record that a step begins, unless it is under way."""
        last = self._recorder.steps[-1] if self._recorder.steps else {"name": "", "state": ""}
        if (name, "running") == (last["name"], last["state"]):
            return
        if name in self._steps.light:
            self._recorder.note_step(name)
        else:
            self._store_notes()
            self._recorder.step(name)

    def _fail(self, error):
        """End the operation; where something may have to be undone first, return the seconds until that begins."""
        LOG.info("node %s: %s failed: %s", self.node.uuid, self._operation.operation_kind, error.detail)
        if "failure" in self.handle:
            self._end(self._steps.stranded(error), error)
        elif self._steps.is_undone():
            is_cancelled = isinstance(error, errors.Cancelled)
            self.save(failure={"problem": error.problems[0], "cancelled": is_cancelled})
            self.has_begun = True
            return 0.0
        else:
            self._end(self._steps.failed(error), error)
        return None

    def _end(self, ending, error=None):
        """Store the end of the operation, what it means for the node, and the event of the node's new state."""

        def attempt(node):
            changes = [*self._final(node, ending), *ending.changes]
            if error is None:
                self._recorder.succeed({}, *changes, result=ending.result)
            else:
                self._recorder.fail(error, None, *changes)

        store.change(self.node, attempt, self._reread)
        url = self.node.resource_url or ""
        if url or self._steps.is_structural:
            self._hint(self.node.podm_id, url, self._steps.is_structural)

    def _final(self, node, ending):
        """Return the last changes of a node, with their event."""
        mine = self._recorder.context
        if ending.removes:
            return [store.Delete(node), outbox.event("node", mine, "delete", old=node)]
        values = ending.values
        if values["state"] == COMPOSED and (seen := node.handle.get("power_state")):
            values = values | {"power_seen": seen}
        if node.error and values["state"] == COMPOSED:
            values = values | {"error": self.failures(ending.changes)}
        event = outbox.event("node", mine, "state_changed", old=node, new=node.replace(**values))
        handle = lasting(node.handle) | values.get("handle", {})
        kept = {name: value for name, value in handle.items() if value is not None}
        return [store.Update(node, values | {"handle": kept}), event]

    def failures(self, changes: typing.Iterable[store.Change]) -> str | None:
        """Return what the node says, after changes, of devices that failed before; None where it has none of them."""
        left = {claim.id: claim for claim in self.claims()}
        for change in changes:
            claim = left.pop(change.obj.id, None) if isinstance(change.obj, models.Claim) else None
            if claim and isinstance(change, store.Update):
                left[claim.id] = claim.replace(**change.values)
        return drift.summary(left.values())

    def _change(self, values, *others, touch):
        def attempt(node):
            changes = [store.Update(node, values, touch=touch), *others, *self._recorder.unstored()]
            stored = self.store.commit(*changes, lease=self._lease)
            self.node, self._noted = stored[0], {}
            self._own.follow(changes, stored)
            if len(changes) > 1 + len(others):
                self._recorder.note_stored(stored[-1])

        store.change(self.node, attempt, self._reread)

    def _store_notes(self):
        """Store the fields of the handle, and the steps, that are not stored yet."""
        if self._noted:
            self.save()
        elif changes := self._recorder.unstored():
            self._recorder.note_stored(self.store.commit(*changes, lease=self._lease)[0])

    def _reread(self):
        """Return the node as it is: a client changed its name or description meanwhile."""
        node = self.store.get(models.Node, self.node.uuid)
        self.node = node.replace(handle=node.handle | self._noted)
        return self.node
