# SPDX-License-Identifier: Apache-2.0
"""What a kind of pod manager has to offer; drivers are entry points of ``valence.podmanager.driver``."""

import abc
import typing

from stevedore import driver

from valence.common import introspection_errors


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
    resource_types: frozenset
    reason: str
    dead: bool = False


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

    macs: list
    bmc_addresses: list
    uuid: str | None
    serial: str | None


class PodManagerDriver(abc.ABC):
    """A connection to one pod manager; safe to use from several threads.

    Its methods raise PodManagerUnreachable, PodManagerAuthFailed, ResourceGone or PodManagerError, and end
    within the configured time-outs.
    """

    @abc.abstractmethod
    def __init__(self, conf, pod_manager):
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
    def crawl(self, etags) -> typing.Iterator[Seen | Unchanged | Unread]:
        """Yield every resource once, parents before what they lead to.

        ``etags`` maps the URLs of known resources to their stored ETags (None where there is none); what
        still has its ETag may be yielded as Unchanged.
        """

    @abc.abstractmethod
    def read(self, resource_url) -> dict:
        """Return the document at a path of the pod manager as it is now."""

    def look(self, resource_url, resource_type, parent) -> Seen:
        """Return a known resource as it is now, whatever its ETag; raise ResourceGone.

        A driver needs it only if its pod managers tell of changes.
        """
        raise introspection_errors.NotOffered(what="events")

    def ways(self) -> frozenset:
        """Return the ways, of WAYS, in which the pod manager tells of changes; none if only crawls find them."""
        return frozenset()

    def subscribe(self, destination, context):
        """Have events posted to a URL, until ``unsubscribe`` or ``close``.

        ``context`` is what Valence's subscriptions to this pod manager are known by: others that have it are
        left from before and removed.
        """
        raise introspection_errors.NotOffered(what="events")

    def is_subscribed(self) -> bool:
        """Return whether the subscription is still there; pod managers may drop them."""
        return False

    def unsubscribe(self):  # noqa: B027
        """End the subscription and the stream, if any, within seconds; never raises."""

    def remove_subscriptions(self, is_left):  # noqa: B027
        """Remove the subscriptions of whose Context ``is_left(context)`` is true; raise where that is not certain."""

    def listen(self) -> typing.Iterator:
        """Open the stream; return its events, as they would be posted, until it ends or ``unsubscribe`` ends it."""
        raise introspection_errors.NotOffered(what="events")

    def hints(self, payload) -> list[Hint]:
        """Return what an event that came hints at; empty where it is garbage, or about nothing of interest."""
        return []

    def machine(self, resource_url) -> Machine:
        """Return what the machine at a path of the pod manager can be known by."""
        raise introspection_errors.NotOffered(what="introspection")

    def inspect(self, resource_url) -> dict:
        """Return what is inside the machine at a path of the pod manager, in the form in which a ramdisk tells of it.

        What the pod manager does not know is null or missing; ``unread`` lists the paths that it failed to answer.
        """
        raise introspection_errors.NotOffered(what="introspection without a ramdisk")

    def boot_from_network(self, resource_url):
        """Boot the machine at a path of the pod manager from the network, this time only."""
        raise introspection_errors.NotOffered(what="booting from the network")

    @abc.abstractmethod
    def abort(self):
        """Break off, from another thread, whatever is being waited for: it raises PodManagerUnreachable.

        So does everything that is asked for from now on; only ``close`` is left to be called.
        """

    @abc.abstractmethod
    def close(self):
        """End subscriptions, sign out and give connections back; never raises."""


def load(conf, pod_manager):
    """Return a new driver instance for a pod manager."""
    manager = driver.DriverManager(
        "valence.podmanager.driver", pod_manager.driver, invoke_on_load=True, invoke_args=(conf, pod_manager)
    )
    return manager.driver
