# SPDX-License-Identifier: Apache-2.0
"""The API of Valence over a session of keystoneauth1: ``Rack`` for any adapter, and an adapter with it.

Signing in, connections and logs without secrets are left to keystoneauth1. Repetitions are not: it does not tell
whether an attempt before the last may have been done.
"""

import contextlib
import functools
import logging
import math
import time
import typing
import uuid
from collections import abc

import requests
from keystoneauth1 import adapter
from keystoneauth1 import exceptions

from valence import client
from valence.client import collection
from valence.client import errors
from valence.client import event_stream
from valence.client import redaction
from valence.client import rows
from valence.client.dialects import introspections
from valence.client.dialects import jobs
from valence.db import models
from valence.db.models import operation as operation_model

LOG = logging.getLogger(__name__)
#: times that a request is repeated where nobody answers or the answer is 503; 0.5, 1 and 2 s apart, or Retry-After
RETRIES = 3
#: times that a POST is repeated that may have been done: about two minutes
LOST_RETRIES = 8
#: seconds before a request is repeated, at first and at most
FIRST_RETRY, LONGEST_RETRY = 0.5, 60.0
#: shortest time in which an answer may come, in seconds, where a deadline is near
LEAST_TIMEOUT = 1.0
READS = ("GET",)
#: seconds between two polls of an operation at first and at most, and how much longer each pause is
FIRST_POLL, LONGEST_POLL, LONGER = 0.2, 2.0, 1.3
#: seconds that a wait for an operation survives without any answer
OUTAGE = 300.0


redaction.install()


class Rack:
    """What an adapter of keystoneauth1 becomes a client of Valence by; its URL ends in ``/v1``."""

    #: times that a request is repeated, and that a POST is that may have been done
    retries, lost_retries = RETRIES, LOST_RETRIES

    @functools.cached_property
    def pod_managers(self) -> collection.PodManagers:
        """Pod managers."""
        return collection.PodManagers(self, models.PodManager)

    @functools.cached_property
    def resources(self) -> collection.Collection:
        """Every piece of hardware."""
        return collection.Collection(self, models.ResourceWithState)

    @functools.cached_property
    def systems(self) -> collection.Collection:
        """The resources of the type System."""
        return collection.Collection(self, models.ResourceWithState, "systems")

    @functools.cached_property
    def racks(self) -> collection.Collection:
        """The resources of the type Rack."""
        return collection.Collection(self, models.ResourceWithState, "racks")

    @functools.cached_property
    def devices(self) -> collection.Collection:
        """What nodes can be made of."""
        return collection.Collection(self, models.Device)

    @functools.cached_property
    def flavors(self) -> collection.Collection:
        """Named requirements of nodes."""
        return collection.Collection(self, models.Flavor)

    @functools.cached_property
    def quotas(self) -> collection.Quotas:
        """What projects may have, and what they have."""
        return collection.Quotas(self, models.QuotaWithUse)

    @functools.cached_property
    def nodes(self) -> collection.Nodes:
        """The machines of the project."""
        return collection.Nodes(self, models.NodeWithState)

    @functools.cached_property
    def operations(self) -> collection.Operations:
        """Work that takes longer than a request."""
        return collection.Operations(self, models.Operation)

    @functools.cached_property
    def events(self) -> event_stream.Events:
        """What changed."""
        return event_stream.Events(self, models.Event)

    @functools.cached_property
    def conductors(self) -> collection.Collection:
        """The processes that do the work."""
        return collection.Collection(self, models.Conductor)

    @functools.cached_property
    def introspections(self) -> introspections.Introspections:
        """What an operating system, or the pod manager, sees inside of machines."""
        return introspections.Introspections(self)

    @functools.cached_property
    def jobs(self) -> jobs.Jobs:
        """Jobs of the backup service."""
        return jobs.Jobs(self)

    def call(
        self,
        method: str,
        url: str,
        *,
        at: str = client.VERSION_1,
        headers: abc.Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        deadline: float | None = None,
        **keywords: typing.Any,
    ) -> requests.Response:
        """Return the good answer to a request; raise a RackError otherwise.

        ``at`` is where the dialect of ``url`` is. A repeated POST has the same Idempotency-Key, by default a new one,
        so it is done once. Changes by PATCH and DELETE, and those of other dialects, which know no such key, are not
        repeated. After ``deadline``, of the monotonic clock, nothing is repeated.
        """
        has_key = method == "POST" and at == client.VERSION_1
        key = (idempotency_key or str(uuid.uuid4())) if has_key else ""
        mine = {"Accept": "application/json"} | ({"Idempotency-Key": key} if key else {})
        keywords["headers"] = mine | dict(headers or {})
        pause, count, is_lost = self._adapter.connect_retry_delay or FIRST_RETRY, 0, False
        while True:
            try:
                return self._answer(
                    method, url, at, keywords | {"timeout": self._timeout(keywords, deadline)}
                )
            except (errors.Unreachable, errors.Unavailable) as error:
                is_lost = is_lost or (error.may_be_done and method not in READS)
                most = self.lost_retries if is_lost else self.retries
                delay = pause if error.retry_after is None else min(error.retry_after, LONGEST_RETRY)
                is_late = deadline is not None and time.monotonic() + delay >= deadline
                is_repeatable = method in READS or has_key
                if not is_repeatable or not error.is_passing or count >= most or is_late:
                    if is_lost:
                        raise errors.uncertain(error, key) from error
                    error.idempotency_key = key
                    raise
                LOG.debug("%s It is asked again in %.1f s.", error.detail, delay)
            time.sleep(delay)
            pause, count = min(pause * 2, LONGEST_RETRY), count + 1

    def wait_for_operation(
        self,
        operation: rows.Row | str,
        *,
        timeout: float | None = None,
        progress: abc.Callable[[rows.Row], typing.Any] = lambda operation: None,
    ) -> rows.Row:
        """Return an operation that has succeeded; call ``progress`` with it whenever it changed.

        Raises OperationFailed if it failed or was cancelled, and WaitTimeout after ``timeout`` seconds. An API that
        does not answer for a while is waited for: its last error is raised after OUTAGE seconds.
        """
        key = operation.id if isinstance(operation, rows.Row) else operation
        found = self.wait(
            lambda deadline: self.operations.answer(
                self.call("GET", self.operations.url(key), deadline=deadline)
            ),
            what=f"The operation {key}",
            ends=operation_model.ENDED,
            timeout=timeout,
            progress=progress,
        )
        if found["state"] != "succeeded":
            raise errors.OperationFailed(found)
        return found

    def wait(
        self,
        read: abc.Callable[[float], rows.Row],
        *,
        what: str,
        ends: abc.Collection[str],
        timeout: float | None,
        progress: abc.Callable[[rows.Row], typing.Any],
    ) -> rows.Row:
        """Return what ``read`` returns as soon as its state is one of ``ends``; raise WaitTimeout for ``what``.

        ``read`` takes the deadline of its request, of the monotonic clock. Raises ValueError for a ``timeout`` that
        is no time.
        """
        _check_timeout(timeout)
        end = math.inf if timeout is None else time.monotonic() + timeout
        pause, seen = FIRST_POLL, None
        late = errors.WaitTimeout(
            f"{what} has not ended in {timeout or 0:g} s.", hint="It goes on; wait for it again."
        )
        while True:
            try:
                found = self._polled(read, end)
            except (errors.Unreachable, errors.Unavailable) as error:
                if time.monotonic() < end:
                    raise
                raise late from error
            if found != seen:
                progress(found)
                seen = found
            if found["state"] in ends:
                return found
            if time.monotonic() >= end:
                raise late
            _sleep(pause, end)
            pause = min(pause * LONGER, LONGEST_POLL)

    def operation_of(self, row: rows.Row) -> str | None:
        """Return the UUID of the operation that works on a row just created, None if there is none."""
        url = row.links.get("operation")
        return url and url.rstrip("/").rpartition("/")[2]

    def project_id(self) -> str | None:
        """Return the project that the client signs in to, None without Keystone."""
        with self._explained():
            return self._adapter.get_project_id()

    def _answer(self, method: str, url: str, at: str, keywords: dict[str, typing.Any]) -> requests.Response:
        """Return the good answer to one request."""
        once: dict[str, typing.Any] = {"raise_exc": False, "connect_retries": 0, "status_code_retries": 0}
        with self._explained():
            # Where the API does not say its versions, a catalogue and openstacksdk have a URL without any.
            place = self._adapter.endpoint_override or self._adapter.get_endpoint()
            once |= {"endpoint_override": client.endpoint(place, at)} if place else {}
            response = self._adapter.request(url, method, **once | keywords)
        if response.status_code >= 400:
            raise errors.of(response)
        if not keywords.get("stream") and not _is_answer(response, method):
            raise errors.foreign(response)
        return response

    @contextlib.contextmanager
    def _explained(self) -> abc.Iterator[None]:
        """Raise errors of a session, which may sign in to Keystone first, as RackErrors."""
        try:
            yield
        except exceptions.ConnectionError as error:
            raise errors.unreachable(error, self._place()) from error
        except exceptions.HttpError as error:
            if error.response is None:
                raise
            raise errors.of(error.response) from error

    def _timeout(self, keywords: dict[str, typing.Any], deadline: float | None) -> float:
        """Return the seconds without an answer after which a request has failed."""
        usual: float = keywords.get("timeout") or self._adapter.session.timeout or client.TIMEOUT
        if deadline is None:
            return usual
        return min(usual, max(deadline - time.monotonic(), LEAST_TIMEOUT))

    @property
    def _adapter(self) -> adapter.Adapter:
        return typing.cast(adapter.Adapter, self)

    def _polled(self, read: abc.Callable[[float], rows.Row], end: float) -> rows.Row:
        """Return what ``read`` returns, after an outage of at most OUTAGE seconds; not after ``end``."""
        end = min(end, time.monotonic() + OUTAGE)
        while True:
            try:
                return read(end)
            except (errors.Unreachable, errors.Unavailable):
                if time.monotonic() >= end:
                    raise
            _sleep(LONGEST_POLL, end)

    def _place(self) -> str:
        try:
            return self._adapter.get_endpoint() or "Valence"
        except exceptions.ClientException:
            return "Keystone"


def _is_answer(response: requests.Response, method: str) -> bool:
    """Tell whether Valence may have answered so: with a JSON object, or without a body where it has nothing to say."""
    if not response.content:
        return method == "DELETE" or response.status_code in (202, 204)
    try:
        return isinstance(response.json(), dict)
    except ValueError:
        return False


def _check_timeout(timeout: float | None) -> None:
    """Raise ValueError for what is no number of seconds: a wait for NaN seconds would never end."""
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout >= 0:
        raise ValueError(
            f"A timeout is a number of seconds from 0 on, or None for no limit, not {timeout!r}."
        )


def _sleep(seconds: float, end: float) -> None:
    """Sleep, at most until ``end`` of the monotonic clock."""
    time.sleep(max(0.0, min(seconds, end - time.monotonic())))


class Adapter(Rack, adapter.Adapter):
    """A client of Valence over a session of keystoneauth1, without openstacksdk, whose import takes a second."""
