# SPDX-License-Identifier: Apache-2.0
"""What crosses the bus: named types of the JSON values in calls and answers, and how pages and errors travel.

The types describe the wire format and check nothing when it runs.

An error travels as its class and keywords. The receiver may be older and lack the class, or its class may need other
keywords. So the message of an error on the bus is a description, from which a receiver of this version or later makes
an error with the same status and texts, derived from the nearest class that it knows. Callers of the first version
cannot read descriptions, so they get an error of a class that they know.
"""

import contextlib
import copy
import json
import typing

from valence.common import bus_errors
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing

#: the public fields of a model, by name
Row = dict[str, typing.Any]
Rows = list[Row]
#: the public fields of a ``valence.db.models.Operation``
Operation = dict[str, typing.Any]
#: what a client sent or gets, in the form of the backup or introspection service
Document = dict[str, typing.Any]
#: ``[field, operator, value]`` lists; ``[field, descending]`` lists
Filters = typing.Sequence[list[typing.Any]]
Sort = typing.Sequence[list[typing.Any]]
Names = typing.Sequence[str]


class Query(typing.TypedDict, total=False):
    """What a list selects; ``marker`` is the key of the last row of the page before, ``fields`` are those to return.

    A caller that unpacks pages says ``packed``; callers of earlier versions do not.
    """

    filters: Filters
    sort: Sort
    marker: str | None
    limit: int | None
    fields: Names | None
    packed: bool


ALL: Query = {
    "filters": (),
    "sort": (),
    "marker": None,
    "limit": None,
    "fields": None,
    "packed": True,
}
#: characters of a page from which on it is packed: the bus encodes a text twice, and each quote in it grows each time
PACKED_ABOVE = 2048


class Page(typing.TypedDict):
    """A page of rows: JSON text of a list, the number of rows, and the key of the last row if there are more.

    ``epochs``, of events only, are ``[id, after]`` lists; conductors of earlier versions do not send them. The API adds
    ``total``, the number of rows of all pages, where a client wants it.
    """

    rows: str
    count: int
    next: str | None
    epochs: typing.NotRequired[list[list[typing.Any]]]
    total: typing.NotRequired[int]


def page(query: Query, rows: str, count: int, following: str | None) -> dict[str, typing.Any]:
    """Return the form in which a conductor sends a Page: a long one packed, where the caller unpacks it."""
    is_packed = query.get("packed") and len(rows) > PACKED_ABOVE
    shown = {"packed": packing.pack(rows.encode())} if is_packed else {"rows": rows}
    return shown | {"count": count, "next": following}


def unpacked(answer: dict[str, typing.Any]) -> Page:
    """Return the Page of what a conductor sent, of this version or an earlier one."""
    if "packed" in answer:
        answer["rows"] = packing.unpack(answer.pop("packed")).decode()
    return typing.cast(Page, answer)


class Idempotency(typing.TypedDict):
    """Digests of an Idempotency-Key and of the request that came with it; a repetition gets the first answer."""

    key: str
    request: str


class Registration(typing.TypedDict):
    """A new pod manager and its first synchronization; None in maintenance."""

    pod_manager: Row
    operation: Operation | None


class Start(typing.TypedDict):
    """A new node, and the operation that composes or adopts it."""

    node: Row
    operation: Operation


class Tenant(typing.TypedDict, total=False):
    """Whose things a call of the backup service is about; ``everywhere`` sees all projects."""

    version: typing.Required[str]
    project_id: typing.Required[str]
    everywhere: bool
    trusts: typing.Any


class Turn(typing.TypedDict):
    """``result`` of a session's call: "success", "hold-off" or "out-of-sync"."""

    result: str
    session_tag: int


class Content(typing.TypedDict):
    """A packed content, None where the caller knows its ``digest``, and where further parts of it are.

    ``more`` is None or ``{"transfer", "server", "parts": number}``.
    """

    digest: str
    text: str | None
    more: dict[str, typing.Any] | None


#: a transfer of a long document, and the server that has it: ``{"transfer", "server"}``
Transfer = dict[str, str]


class Answer(typing.TypedDict, total=False):
    """What a conductor says of itself in answer to a ping; conductors of earlier versions say less.

    ``store`` is None or ``{"reason", "since"}``, ``clock`` the earliest and the latest time that the database's clock
    may show, in seconds. ``foreign_site`` is another site that is on the same message bus by mistake.
    """

    host: str
    version: str
    store: dict[str, str] | None
    topics: list[str]
    clock: list[float] | None
    site: str | None
    foreign_site: str | None


#: modules whose errors are rebuilt as instances of their own class
MODULES = (errors, bus_errors, composition_errors, introspection_errors)
ERROR_MODULES = tuple(each.__name__ for each in MODULES)
#: general classes that callers of the first version know: each takes a reason
PLAIN = (errors.Unavailable, errors.Unprocessable, errors.Conflict, errors.BadRequest)
_FIRST_VERSION = """
    ValenceError Internal BadRequest ValidationFailed Unauthorized Forbidden NotFound NoSuchURL MethodNotAllowed
    NotAcceptable Conflict Duplicate InUse LeaseHeld LeaseLost Cancelled Abandoned RevisionMismatch TooLarge
    UnsupportedMediaType Unprocessable TrustNeeded IdempotencyMismatch KeysUnusable SecretUnreadable PodManagerError
    PodManagerUnreachable PodManagerAuthFailed ResourceGone Unavailable BusUnavailable ConductorUnavailable
    StoreUnavailable SchemaOutdated StoreFull OutcomeUnknown StateDirUnusable CannotListen UsersUnusable
    InsecureConfiguration DatabaseUnknown CopyRefused HookFailed LookUpFailed RamdiskFailed ProcessingFailed RuleFailed
    WrongToken TooManyDocuments NoIntrospectionData NothingKept NotOffered StorageUnavailable ProcessingUnavailable
    StorageUnusable HookUnusable
"""
#: the classes that callers of the first version know
FIRST_VERSION = frozenset(_FIRST_VERSION.split())


class Unknown(errors.ValenceError):
    """An error of a class that this version lacks; ``description`` is what the peer sent of it."""

    def __init__(self, description: dict[str, typing.Any]) -> None:
        Exception.__init__(self)
        self.kwargs = {"description": description}
        self.detail = description["problems"][0]["detail"]

    @property
    def problems(self) -> list[errors.Problem]:
        return list(self.kwargs["description"]["problems"])


def sent(error: errors.ValenceError, *, to_first_version: bool = False) -> errors.ValenceError:
    """Return a copy of an error to send: without its causes, with a description as its message."""
    if to_first_version and type(error).__name__ not in FIRST_VERSION:
        error = _plain(error)
    described = copy.copy(error)
    described.__class__ = _described_class(type(error))
    return described


def received(message: str | None) -> errors.ValenceError | None:
    """Return the error that a message describes, None if it describes none."""
    try:
        description = json.loads(message or "")
        names = {name: description[name] for name in ("status", "code", "title", "retry_after")}
        base = next(each for name in description["bases"] if (each := _known(name)))
        kind: type[Unknown] = type(f"Unknown{base.__name__}", (Unknown, base), names)
        return kind(description)
    except (ValueError, TypeError, LookupError, StopIteration):
        return None


def _plain(error: errors.ValenceError) -> errors.ValenceError:
    """Return the nearest error that callers of the first version know."""
    for plain in PLAIN:
        if isinstance(error, plain):
            return plain(reason=f"{error.detail} {error.problems[0]['hint']}")
    for base in type(error).__mro__[1:]:
        if base.__name__ in FIRST_VERSION:
            with contextlib.suppress(TypeError):  # it needs other keywords
                return typing.cast(errors.ValenceError, base(**error.kwargs))
    return error


def _described_class(kind: type[errors.ValenceError]) -> type[errors.ValenceError]:
    """Return a class that travels as ``kind`` does."""
    return type(kind.__name__, (kind,), {"__module__": kind.__module__, "__str__": _describe})


def _describe(error: errors.ValenceError) -> str:
    kinds = [each.__name__ for each in type(error).__mro__ if issubclass(each, errors.ValenceError)]
    names = {
        name: getattr(error, name, None) for name in ("status", "code", "title", "retry_after", "problems")
    }
    return json.dumps({"bases": kinds} | names)


def _known(name: str) -> type[errors.ValenceError] | None:
    for module in MODULES:
        kind = getattr(module, name, None)
        if isinstance(kind, type) and issubclass(kind, errors.ValenceError):
            return kind
    return None
