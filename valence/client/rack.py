# SPDX-License-Identifier: Apache-2.0
"""The API of Valence over a session of keystoneauth1: ``Rack`` for any adapter, and an adapter with it.

Everything that keystoneauth1 does is left to it: signing in, repeating a request, connections, logs without secrets.
"""

import functools
import time
import typing
import uuid
from collections import abc

import requests
from keystoneauth1 import adapter
from keystoneauth1 import exceptions

from valence.client import collection
from valence.client import errors
from valence.client import event_stream
from valence.client import redaction
from valence.client import rows
from valence.db import models
from valence.db.models import operation as operation_model

#: times that a request is repeated where nobody answers or the answer is 503; 0.5, 1 and 2 s apart, or Retry-After
RETRIES = 3
#: methods that may be repeated: reads, and POST, whose Idempotency-Key makes the API do it once
REPEATABLE = ("GET", "HEAD", "POST")
#: seconds between two polls of an operation at first and at most, and how much longer each pause is
FIRST_POLL, LONGEST_POLL, LONGER = 0.2, 2.0, 1.3
#: seconds that a wait for an operation survives without any answer
OUTAGE = 300.0


redaction.install()


class Rack:
    """What an adapter of keystoneauth1 becomes a client of Valence by; its URL ends in ``/v1``."""

    #: times that a request is repeated
    retries = RETRIES

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

    def call(
        self, method: str, url: str, *, headers: abc.Mapping[str, str] | None = None, **keywords: typing.Any
    ) -> requests.Response:
        """Return the good answer to a request; raise a RackError otherwise.

        A repeated POST has the same Idempotency-Key, so it is done once. Changes by PATCH and DELETE are not repeated.
        """
        retries = self.retries if method in REPEATABLE else 0
        mine = {"Accept": "application/json"} | (
            {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        )
        keywords = {"connect_retries": retries, "status_code_retries": retries} | keywords
        try:
            response = self._adapter.request(
                url, method, raise_exc=False, headers=mine | dict(headers or {}), **keywords
            )
        except exceptions.ConnectionError as error:
            raise errors.unreachable(error, self._place()) from error
        except exceptions.HttpError as error:
            if error.response is None:
                raise
            raise errors.of(error.response) from error  # of Keystone, which the session signs in to
        if response.status_code >= 400:
            raise errors.of(response)
        return response

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
        began, pause, seen = time.monotonic(), FIRST_POLL, None
        while True:
            found = self._polled(key)
            if found.get("revision") != seen:
                progress(found)
                seen = found.get("revision")
            if found["state"] in operation_model.ENDED:
                break
            if timeout is not None and time.monotonic() - began >= timeout:
                raise errors.WaitTimeout(
                    f"The operation {key} has not ended in {timeout:g} s.",
                    hint="It goes on; wait for it again.",
                )
            time.sleep(pause)
            pause = min(pause * LONGER, LONGEST_POLL)
        if found["state"] != "succeeded":
            raise errors.OperationFailed(found)
        return found

    def operation_of(self, row: rows.Row) -> str | None:
        """Return the UUID of the operation that works on a row just created, None if there is none."""
        url = row.links.get("operation")
        return url and url.rstrip("/").rpartition("/")[2]

    @property
    def _adapter(self) -> adapter.Adapter:
        return typing.cast(adapter.Adapter, self)

    def _polled(self, key: str) -> rows.Row:
        """Return an operation, after an outage of at most OUTAGE seconds."""
        end = time.monotonic() + OUTAGE
        while True:
            try:
                return self.operations.get(key)
            except (errors.Unreachable, errors.Unavailable):
                if time.monotonic() >= end:
                    raise
                time.sleep(LONGEST_POLL)

    def _place(self) -> str:
        try:
            return self._adapter.get_endpoint() or "Valence"
        except exceptions.ClientException:
            return "Keystone"


class Adapter(Rack, adapter.Adapter):
    """A client of Valence over a session of keystoneauth1, without openstacksdk, whose import takes a second."""
