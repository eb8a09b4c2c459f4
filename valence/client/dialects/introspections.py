# SPDX-License-Identifier: Apache-2.0
"""Introspections, in the dialect of ironic-inspector: what is inside of machines."""

import functools
import typing
from collections import abc

from valence.client import collection
from valence.client import errors
from valence.client import rows
from valence.db.models import introspection

if typing.TYPE_CHECKING:
    import requests

    from valence.client import rack

#: where the dialect is in the API
AT = "/introspection/v1"
#: header of the response to a start, with the token that the ramdisk has to send
TOKEN = "X-Valence-Introspection-Token"


class Introspections:
    """The last introspection of each machine. A machine is a UUID, a name that only one has, or a row."""

    def __init__(self, api: "rack.Rack") -> None:
        self._api = api

    def list(
        self,
        *,
        state: abc.Sequence[str] = (),
        limit: int | None = None,
        marker: str | None = None,
    ) -> abc.Iterator[rows.Row]:
        """Yield introspections, the latest first; with one of the states in ``state``, and at most ``limit``.

        ``marker`` is the UUID of the machine that the list begins after.
        """
        query = {"state": ",".join(state), "limit": limit and str(limit), "marker": marker}
        given = {name: value for name, value in query.items() if value}
        left = limit
        while left is None or left > 0:
            page = errors.rows_of(self._call("GET", "/introspection", params=given), "introspection")
            yield from map(rows.Row, page[:left])
            if not page:
                return
            left = None if left is None else left - len(page)
            given["marker"] = page[-1]["uuid"]

    __call__ = list

    def get(self, machine: rows.Row | str) -> rows.Row:
        """Return the introspection of a machine; raise NotFound."""
        return self._read(machine)

    def start(
        self, machine: rows.Row | str, *, manage_boot: bool = True, source: str = "ramdisk"
    ) -> str | None:
        """Start the introspection of a machine; return the token that its ramdisk has to send, None if it needs none.

        With ``source="redfish"`` the pod manager is asked and nothing is booted; without ``manage_boot`` the caller
        boots the ramdisk. The request is not repeated: a repetition could boot the machine again.
        """
        query = {"manage_boot": str(manage_boot).lower(), "source": source}
        return self._call("POST", _url(machine), params=query).headers.get(TOKEN)

    def abort(self, machine: rows.Row | str) -> None:
        """End the introspection of a machine before its time."""
        self._call("POST", _url(machine, "abort"))

    def data(
        self, machine: rows.Row | str, *, unprocessed: bool = False, version: int | None = None
    ) -> dict[str, typing.Any]:
        """Return the document of a machine: the processed one, or the one that came from the ramdisk.

        ``version`` is that of an earlier document, by default the newest.
        """
        url = _url(machine, "data", *(["unprocessed"] if unprocessed else []))
        query = {} if version is None else {"version": str(version)}
        document: dict[str, typing.Any] = self._call("GET", url, params=query).json()
        return document

    def wait(
        self,
        machine: rows.Row | str,
        *,
        timeout: float | None = None,
        progress: abc.Callable[[rows.Row], typing.Any] = lambda row: None,
    ) -> rows.Row:
        """Return the introspection of a machine when it has finished; call ``progress`` whenever it changed.

        Raises IntrospectionFailed, and WaitTimeout after ``timeout`` seconds. It survives outages of the API.
        """
        found = self._api.wait(
            functools.partial(self._read, machine),
            what=f"The introspection of {_key(machine)}",
            ends=introspection.ENDED,
            timeout=timeout,
            progress=progress,
        )
        if found["error"]:
            raise errors.IntrospectionFailed(found)
        return found

    def _read(self, machine: rows.Row | str, deadline: float | None = None) -> rows.Row:
        return rows.Row(self._call("GET", _url(machine), deadline=deadline).json())

    def _call(self, method: str, url: str, **keywords: typing.Any) -> "requests.Response":
        return self._api.call(method, url, at=AT, **keywords)


def _key(machine: rows.Row | str) -> str:
    return machine.id if isinstance(machine, rows.Row) else machine


def _url(machine: rows.Row | str, *more: str) -> str:
    """Return the path of a machine's introspection, or of something below it."""
    return "/".join(["/introspection", collection.segment(_key(machine), "machine"), *more])
