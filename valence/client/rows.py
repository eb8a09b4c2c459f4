# SPDX-License-Identifier: Apache-2.0
"""Rows: what the API shows of one thing."""

import typing
from collections import abc


class Row(abc.Mapping[str, typing.Any]):
    """A thing as the API shows it: its fields are items, and attributes too.

    A field that only the server knows is there as well. ``etag`` is that of the answer, None for a row of a list.
    """

    def __init__(
        self, values: typing.Mapping[str, typing.Any], key: str = "uuid", etag: str | None = None
    ) -> None:
        links = values.get("links") or ()
        self._values = {name: value for name, value in values.items() if name != "links"}
        self._key = key
        self.etag = etag
        #: URLs of what belongs to it, by relation
        self.links: dict[str, str] = {each["rel"]: each["href"] for each in links}

    @property
    def id(self) -> str:
        """What identifies it: its UUID, or the host name of a conductor."""
        return str(self._values[self._key])

    def to_dict(self) -> dict[str, typing.Any]:
        """Return a copy of the fields."""
        return dict(self._values)

    def __getitem__(self, name: str) -> typing.Any:
        return self._values[name]

    def __iter__(self) -> abc.Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> typing.Any:
        # A copy under construction has no values yet.
        values = self.__dict__.get("_values", {})
        if name not in values:
            raise AttributeError(f"There is no field {name}, but {', '.join(values)}.")
        return values[name]

    def __repr__(self) -> str:
        return f"<Row {self._values.get(self._key)}>"
