# SPDX-License-Identifier: Apache-2.0
"""What a database must have before it can hold models."""

import abc
import typing


class Schema(abc.ABC):
    """The schema of one database: each driver has a class of its own."""

    @abc.abstractmethod
    def upgrade(self) -> None:
        """Bring the database to the newest version; several processes may do so at once."""

    @abc.abstractmethod
    def require(self) -> None:
        """Raise SchemaOutdated unless the database is as new as this Valence, or newer."""

    @abc.abstractmethod
    def version(self) -> str | None:
        """Return the version that the database has, None for an empty one."""

    @abc.abstractmethod
    def head(self) -> str:
        """Return the newest version that this Valence knows."""

    @abc.abstractmethod
    def differences(self) -> typing.Sequence[str]:
        """Return what differs between the database and the models, one line each."""

    def charsets(self) -> typing.Sequence[tuple[str, str, str]]:
        """Return tables, columns and character sets of texts that are not UTF-8, where a database has several."""
        return ()
