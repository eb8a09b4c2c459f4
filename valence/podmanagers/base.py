# SPDX-License-Identifier: Apache-2.0
"""What a kind of pod manager has to offer; drivers are entry points of ``valence.podmanager.driver``."""

import abc
import array
import typing

from oslo_config import cfg
from stevedore import driver

from valence.common import compact
from valence.common import introspection_errors
from valence.db import models
from valence.podmanagers import offers

if typing.TYPE_CHECKING:
    from valence.podmanagers import composers


class Seen(typing.NamedTuple):
    """A resource as a crawl saw it. ``parent`` is the URL of the resource that led to it, "" the service root.

    All of ``name`` to ``etag`` may be None where the pod manager does not say.
    """

    resource_url: str
    resource_type: str
    parent: str
    name: str | None = None
    health: str | None = None
    state: str | None = None
    power_state: str | None = None
    identity: str | None = None
    etag: str | None = None


class Unchanged(typing.NamedTuple):
    """A resource that is there and has the ETag that was stored of it."""

    resource_url: str


class Unread(typing.NamedTuple):
    """A part that could not be read: nothing that it may hold is removed.

    That is the resource at ``parent`` if it was not seen itself, resources of these types of which ``parent`` is the
    parent, and all below them. ``dead`` says that the link to it leads to nothing, so there may be no such part.
    """

    parent: str
    resource_types: frozenset[str]
    reason: str
    dead: bool = False


class Etags:
    """The stored ETags of known resources by URL, in about 60 bytes each."""

    def __init__(self, etags: typing.Mapping[str, str | None] | None = None) -> None:
        #: numbers of the resources by the hash of their URL
        self.numbers = compact.Numbers()
        self._texts = bytearray()
        self._ends = array.array("I")
        self._above = compact.Numbers()  # paths that known resources are below
        self._members = bytearray()  # whether one is next below
        for url, etag in (etags or {}).items():
            self.add(url, etag)

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, url: str, etag: str | None) -> int | None:
        """Add a resource; return its number, counted from 0, or None if there is one at the URL already."""
        number = self.numbers.add(hash(url))
        if number < len(self):
            return None
        self._texts += (etag or "").encode()
        self._ends.append(len(self._texts))
        self._note_above(url)
        return number

    def _note_above(self, url: str) -> None:
        path, is_next = url.rpartition("/")[0], True
        while True:
            number = self._above.add(hash(path))
            is_known = number < len(self._members)
            if not is_known:
                self._members.append(False)
            if is_next:
                self._members[number] = True
            if is_known or not path:
                return
            path, is_next = path.rpartition("/")[0], False

    def find(self, url: str) -> int | None:
        """Return the number of a resource, None if there is none at the URL."""
        return self.numbers.find(hash(url))

    def get(self, url: str) -> str | None:
        """Return the ETag of the resource at a URL, None if there is none."""
        number = self.find(url)
        if number is None:
            return None
        start = self._ends[number - 1] if number else 0
        return self._texts[start : self._ends[number]].decode() or None

    def has_below(self, path: str, *, members_only: bool) -> bool:
        """Return whether a known resource is below a path: anywhere, or as the member of a collection is."""
        number = self._above.find(hash(path))
        return number is not None and (not members_only or bool(self._members[number]))


class Hint(typing.NamedTuple):
    """A resource that an event is about; ``structural`` means that there may be others than before.

    ``vague`` means that the event does not name the resource, or not surely: if none is known at ``resource_url``,
    which may be "", the whole pod manager has to be read.
    """

    resource_url: str
    structural: bool
    vague: bool = False


#: ways in which pod managers tell of changes: events that they post, a stream that one listens to
PUSH, STREAM = "push", "stream"
WAYS = (PUSH, STREAM)


class Root(typing.NamedTuple):
    """What the service root tells of a pod manager."""

    uuid: str | None
    name: str | None
    redfish_version: str | None


class Machine(typing.NamedTuple):
    """What a pod manager tells that one of its machines can be known by; texts as they are there."""

    macs: list[str]
    bmc_addresses: list[str]
    uuid: str | None
    serial: str | None


#: states of an Outcome
DONE, TASK, UNKNOWN = "done", "task", "unknown"


class Outcome(typing.NamedTuple):
    """What became of a change that a pod manager accepted; its fields are JSON values.

    ``done``: the change was made; ``resource_url`` is what was made or changed, None where the pod manager does not
    say. ``task``: the pod manager works on it; ask ``follow(task_url)`` after ``retry_after`` seconds, 1 to 30.
    ``unknown``: the pod manager does not say where to ask; only the hardware shows what became of it.
    """

    state: str
    resource_url: str | None = None
    task_url: str | None = None
    retry_after: int | None = None


class Sign(typing.NamedTuple):
    """What tells a machine from the next one at its path: the node in its mark, and its UUID; None without one."""

    mark: str | None = None
    uuid: str | None = None

    def is_another(self, known: "Sign") -> bool:
        """Return whether this is certainly not the machine that had the sign ``known``.

        A mark decides, also one that is gone: some services give a UUID to the next machine, too.
        """
        if self.mark or known.mark:
            return self.mark != known.mark
        return bool(self.uuid and known.uuid and self.uuid != known.uuid)


#: power states that end by themselves; a change is reported when the state that follows is reached
TRANSITIONAL = frozenset({"PoweringOn", "PoweringOff"})


class MachineState(typing.NamedTuple):
    """What power and boot of a machine are now, and what it can be asked for.

    ``power_state`` is Redfish's PowerState ("On", "Off", "PoweringOn", ...). ``reset_types`` are of
    ``models.node.POWER_ACTIONS``, ``boot_target`` and ``boot_targets`` of ``BOOT_TARGETS``, ``boot_enabled`` is of
    ``BOOT_ENABLED``, ``boot_mode`` of ``BOOT_MODES``. What the machine does not say is None; where it does not say
    what it offers, the lists are what the standard has. ``sign`` tells the machine from the next one at its path.
    """

    power_state: str | None
    reset_types: list[str]
    boot_target: str | None = None
    boot_enabled: str | None = None
    boot_mode: str | None = None
    boot_targets: typing.Sequence[str] = ()
    sign: Sign = Sign()


class PodManagerDriver(abc.ABC):
    """A connection to one pod manager; safe to use from several threads.

    Its methods raise PodManagerUnreachable, PodManagerAuthFailed, ResourceGone or PodManagerError, and end
    within the configured time-outs. Those that change hardware raise HardwareOutcomeUnknown where the change may have
    been made, which is a PodManagerUnreachable: catch it first.
    """

    @abc.abstractmethod
    def __init__(self, conf: cfg.ConfigOpts, pod_manager: models.PodManager) -> None:
        """Prepare, without contacting the pod manager yet."""

    @staticmethod
    def spellings(url: str) -> list[str]:
        """Return the URLs under which the service of ``url`` may be stored, first the one to store.

        Raise PodManagerError where it is no URL of such a pod manager.
        """
        return [url]

    @abc.abstractmethod
    def root(self) -> Root:
        """Contact the pod manager, sign in, and return what its root tells."""

    @abc.abstractmethod
    def crawl(self, etags: Etags) -> typing.Iterator[Seen | Unchanged | Unread]:
        """Yield every resource once, parents before what they lead to.

        ``etags`` knows the stored resources; what still has its stored ETag may be yielded as Unchanged.
        """

    def offers(self) -> typing.Iterator[offers.Offer]:
        """Return what nodes can be made of, as the crawl that ended last found it; nothing before one, and once only.

        A driver without composition has none.
        """
        return iter(())

    def marks(self) -> typing.Mapping[str, str] | None:
        """Return the UUIDs of the nodes whose marks machines carry, by the paths of these, as the last crawl saw them.

        None before a crawl, and where the driver does not tell.
        """
        return None

    @abc.abstractmethod
    def read(self, resource_url: str) -> dict[str, typing.Any]:
        """Return the document at a path of the pod manager as it is now."""

    def look(self, resource_url: str, resource_type: str, parent: str) -> Seen:
        """Return a known resource as it is now, whatever its ETag; raise ResourceGone.

        A driver needs it only if its pod managers tell of changes.
        """
        raise introspection_errors.NotOffered(what="events")

    def ways(self) -> frozenset[str]:
        """Return the ways, of WAYS, in which the pod manager tells of changes; none if only crawls find them."""
        return frozenset()

    def subscribe(self, destination: str, context: str) -> typing.NoReturn:
        """Have events posted to a URL, until ``unsubscribe`` or ``close``.

        ``context`` is what Valence's subscriptions to this pod manager are known by: others that have it are
        left from before and removed.
        """
        raise introspection_errors.NotOffered(what="events")

    def is_subscribed(self) -> bool:
        """Return whether the subscription is still there; pod managers may drop them."""
        return False

    def unsubscribe(self) -> None:  # noqa: B027
        """End the subscription and the stream, if any, within seconds; never raises."""

    def remove_subscriptions(self, is_left: typing.Callable[[str], bool]) -> None:  # noqa: B027
        """Remove the subscriptions of whose Context ``is_left(context)`` is true; raise where that is not certain."""

    def listen(self) -> typing.Iterator[typing.Any]:
        """Open the stream; return its events, as they would be posted, until it ends or ``unsubscribe`` ends it."""
        raise introspection_errors.NotOffered(what="events")

    def hints(self, payload: typing.Any) -> list[Hint]:
        """Return what an event that came hints at; empty where it is garbage, or about nothing of interest."""
        return []

    def machine(self, resource_url: str) -> Machine:
        """Return what the machine at a path of the pod manager can be known by."""
        raise introspection_errors.NotOffered(what="introspection")

    def inspect(self, resource_url: str) -> dict[str, typing.Any]:
        """Return what is inside the machine at a path of the pod manager, in the form in which a ramdisk tells of it.

        What the pod manager does not know is null or missing; ``unread`` lists the paths that it failed to answer.
        """
        raise introspection_errors.NotOffered(what="introspection without a ramdisk")

    def system_path(self, resource_url: str) -> str:
        """Return the path of the system at a path, or of the one that a composed node there is made of."""
        return resource_url

    def boot_from_network(self, resource_url: str) -> typing.NoReturn:
        """Boot the machine at a path of the pod manager from the network, this time only."""
        raise introspection_errors.NotOffered(what="booting from the network")

    def machine_state(self, resource_url: str) -> MachineState:
        """Return the power and boot of the machine at a path of the pod manager."""
        raise introspection_errors.NotOffered(what="power and boot of machines")

    def power(self, resource_url: str, reset_type: str) -> Outcome:
        """Ask the machine at a path for one of ``models.node.POWER_ACTIONS``, once.

        Raise NotOffered where the machine does not offer it, PodManagerError where it refuses it now,
        HardwareOutcomeUnknown where the request may have arrived, PodManagerBusy where it is to be sent later.
        """
        raise introspection_errors.NotOffered(what="power of machines")

    def boot(
        self, resource_url: str, *, target: str | None, enabled: str | None, mode: str | None = None
    ) -> Outcome:
        """Choose what the machine at a path boots from; what is None stays as it is. Raise as ``power``.

        ``target`` is one of ``models.node.BOOT_TARGETS``, ``enabled`` of ``BOOT_ENABLED``, ``mode`` of ``BOOT_MODES``.
        """
        raise introspection_errors.NotOffered(what="choice of what machines boot from")

    def follow(self, task_url: str) -> Outcome:
        """Ask once what became of an Outcome with a ``task_url``; raise PodManagerError where the task failed."""
        raise introspection_errors.NotOffered(what="tasks")

    def composer(self) -> "composers.Composer":
        """Return what composes machines; raise NotOffered where the pod manager does not."""
        raise introspection_errors.NotOffered(what="composition")

    @abc.abstractmethod
    def abort(self) -> None:
        """Break off, from another thread, whatever is being waited for: it raises PodManagerUnreachable.

        So does everything that is asked for from now on; only ``close`` is left to be called.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """End subscriptions, sign out and give connections back; never raises."""


def load(conf: cfg.ConfigOpts, pod_manager: models.PodManager) -> PodManagerDriver:
    """Return a new driver instance for a pod manager."""
    manager: driver.DriverManager[PodManagerDriver] = driver.DriverManager(
        "valence.podmanager.driver", pod_manager.driver, invoke_on_load=True, invoke_args=(conf, pod_manager)
    )
    return typing.cast(PodManagerDriver, manager.driver)
