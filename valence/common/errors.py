# SPDX-License-Identifier: Apache-2.0
"""The errors of Valence: raised with keywords, carried over the bus as the same class, rendered in one place.

An error class has an HTTP status, a stable ``code``, a title, a message template over its keywords, and a hint that
says what to do. Keywords must be JSON values, because the bus rebuilds an error from them.
"""

import functools
import typing

#: what is wrong: ``{"detail", "hint"}``, and where: ``"path"``
Problem = dict[str, typing.Any]


class ValenceError(Exception):
    """An error that Valence can explain to a client; a reason at the end of ``message`` may be a sentence."""

    status = 500
    code = "valence.internal"
    title = "Internal Server Error"
    message = "The request could not be completed."
    hint = "Report this with the request id."

    def __init__(self, **kwargs: typing.Any) -> None:
        self.kwargs = kwargs
        try:
            detail = self.message.format(**kwargs)
        except KeyError as missing:  # of a peer of another version; oslo.messaging answers TypeErrors itself
            raise TypeError(f"{type(self).__name__} needs {missing}") from None
        self.detail = detail[:-1] if self.message.endswith("}.") and detail.endswith("..") else detail
        # No positional arguments: the bus would hand them to the constructor again, on the other side.
        super().__init__()

    def __str__(self) -> str:
        return self.detail

    def __reduce__(self) -> tuple[typing.Callable[..., "ValenceError"], tuple[()]]:
        return functools.partial(type(self), **self.kwargs), ()

    @property
    def problems(self) -> list[Problem]:
        """What is wrong; most errors have one problem."""
        return [{"detail": self.detail, "hint": self.hint.format(**self.kwargs)}]


class Internal(ValenceError):
    """An error that nobody expected; the cause is in the log of ``host`` under the request id."""

    message = "An unexpected error happened in {host}; it is logged there under this request id."


# 400


class BadRequest(ValenceError):
    status, code, title = 400, "valence.bad_request", "Bad Request"
    message = "{reason}"
    hint = "Correct the request and send it again."


def gone_marker(kind: str, key: object) -> BadRequest:
    """Return the error for a marker that no page can begin after: its row is gone, or hidden from the client."""
    return BadRequest(reason=f"There is no {kind} {key} any more to go on from.")


class ValidationFailed(BadRequest):
    """A body or query with problems, all of them at once.

    ``problems`` is a list of ``{"path": JSON path or parameter name, "detail": str, "hint": str}``.
    """

    code, title = "valence.validation", "Validation Failed"
    message = "The request is not valid."

    @property
    def problems(self) -> list[Problem]:
        return list(self.kwargs["problems"])


class UnknownHost(BadRequest):
    """A Host header with a name that this API does not have: ``host``."""

    code, title = "valence.unknown_host", "Unknown Host"
    message = "The request is for the host {host!r}, which is no name of this API."
    hint = "Use the URL in [api] public_url or an IP address, or let an operator add the name to [api] allowed_hosts."


class Unauthorized(ValenceError):
    status, code, title = 401, "valence.unauthorized", "Unauthorized"
    message = "This request needs credentials: {reason}."
    hint = "Send valid credentials."


class Forbidden(ValenceError):
    status, code, title = 403, "valence.forbidden", "Forbidden"
    message = "The policy {rule} does not allow this request."
    hint = "Ask an operator for a role that the policy allows."


class CrossSite(ValenceError):
    """A request that a web page of another site sent through a browser: ``origin``."""

    status, code, title = 403, "valence.cross_site", "Forbidden"
    message = "A web page of {origin} must not use this API."
    hint = "Send the request from a page of this API's own origin, or let an operator add it to [cors] allowed_origin."


# 404


class NotFound(ValenceError):
    status, code, title = 404, "valence.not_found", "Not Found"
    message = "There is no {kind} {key}."
    hint = "List the collection to see what there is."


class NoSuchURL(NotFound):
    code = "valence.no_such_url"
    message = "There is nothing at {path}."
    hint = "GET / and GET /v1/openapi.json tell what is served."


class MethodNotAllowed(ValenceError):
    status, code, title = 405, "valence.method_not_allowed", "Method Not Allowed"
    message = "{method} is not allowed on {path}."
    hint = "Use one of: {allowed}."


class NotAcceptable(ValenceError):
    status, code, title = 406, "valence.not_acceptable", "Not Acceptable"
    message = "Nothing can be sent as {accept}."
    hint = "Accept application/json."


# 409, 412


class Conflict(ValenceError):
    status, code, title = 409, "valence.conflict", "Conflict"
    message = "{reason}"
    hint = "Read the current state, then try again."


class Duplicate(Conflict):
    """A unique field whose value is taken: ``kind``, ``field``, ``value``; ``holder`` may say by which one."""

    code = "valence.duplicate"
    message = "A {kind} with the {field} {value!r} exists already."
    hint = "Choose another {field}, or use the existing {kind}."

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        if holder := kwargs.get("holder"):
            self.detail = f"{self.detail.removesuffix('.')}: {holder}."


class InUse(Conflict):
    """A thing that others refer to, or that work runs on: ``kind``, ``key``, ``reason``."""

    code, title = "valence.in_use", "In Use"
    message = "The {kind} {key} is in use: {reason}."
    hint = "Wait until it is free, or look up how to force it."


class InMaintenance(Conflict):
    """Contact with a pod manager that its operator wants to be left alone: ``key``."""

    code = "valence.in_maintenance"
    message = "The pod manager {key} is in maintenance: Valence does not contact it."
    hint = "Set its maintenance to false first."


class LeaseHeld(Conflict):
    """A lease that somebody else holds: ``name``, ``holder``."""

    code = "valence.lease_held"
    message = "The lease {name} is held by {holder}."


class LeaseLost(Conflict):
    """A lease that ran out, or was taken over, before its holder finished: ``name``."""

    code = "valence.lease_lost"
    message = "The lease {name} was lost; nothing was written."


class Cancelled(Conflict):
    """Why an operation has ended: somebody asked for that."""

    code = "valence.cancelled"
    message = "It was cancelled."
    hint = "Ask for it again if it is still wanted."


class TargetDeleted(Cancelled):
    """Why an operation has ended: what it was to be done to was deleted: ``kind``."""

    code = "valence.target_deleted"
    message = "The {kind} was deleted."
    hint = "Nothing is left to be done."


class Abandoned(Conflict):
    """Why an operation has ended: its conductors died too often: ``attempts``."""

    code = "valence.abandoned"
    message = "It was begun {attempts} times, and each time its conductor died or was cut off."
    hint = "Look into the logs of the conductors that its steps name before asking for it again."


class RevisionMismatch(ValenceError):
    """The thing changed since it was read: ``kind``, ``key``."""

    status, code, title = 412, "valence.revision_mismatch", "Precondition Failed"
    message = "The {kind} {key} was changed by somebody else in the meantime."
    hint = "Read it again and repeat the change on what it is now."


class TooLarge(ValenceError):
    status, code, title = 413, "valence.too_large", "Content Too Large"
    message = "The {what} is larger than {limit}."
    hint = "Send less at a time."


class UnsupportedMediaType(ValenceError):
    status, code, title = 415, "valence.unsupported_media_type", "Unsupported Media Type"
    message = "A body of type {content_type!r} is not understood here."
    hint = "Send one of: {allowed}."


class Unprocessable(ValenceError):
    """A request that is well formed and cannot be done: ``reason``."""

    status, code, title = 422, "valence.unprocessable", "Unprocessable Content"
    message = "{reason}"
    hint = "Correct what the request refers to and send it again."


class TrustNeeded(Unprocessable):
    """Work for a central client that nobody vouches for: ``client``."""

    code = "valence.trust_needed"
    message = "Missing required credentials: the client {client} works only under a trust."
    hint = "Sign in at the Identity service."


class IdempotencyMismatch(ValenceError):
    status, code, title = 422, "valence.idempotency_mismatch", "Unprocessable Content"
    message = "The Idempotency-Key {key!r} was used before with another request."
    hint = "Use a new key for a new request."


class TooManyRequests(ValenceError):
    """Somebody who asks too often: ``reason``, ``seconds`` until the next request is worth sending."""

    status, code, title = 429, "valence.too_many_requests", "Too Many Requests"
    message = "{reason}"
    hint = "Wait for {seconds} seconds before the next attempt."

    @property
    def retry_after(self) -> int:
        seconds: int = self.kwargs["seconds"]
        return seconds


# 500: what an operator has to put in order


class KeysUnusable(ValenceError):
    """The file of the keys that secrets are encrypted with: ``file``, ``reason``."""

    code = "valence.keys_unusable"
    message = "The keys in {file} cannot be used: {reason}."
    hint = "Copy the file of the other conductors; for a new installation 'valence-manage secrets create' makes it."


class SecretUnreadable(ValenceError):
    """A stored secret that none of the keys opens: ``file``."""

    code = "valence.secret_unreadable"
    message = "A stored secret was encrypted with a key that is not in {file}."
    hint = "Copy the key file of the other conductors to this one, or enter the secret anew."


# 502, 503: what is behind Valence fails


class PodManagerError(ValenceError):
    """A pod manager that could not be reached or answered wrongly: ``url``, ``reason``."""

    status, code, title = 502, "valence.pod_manager_error", "Bad Gateway"
    message = "The pod manager at {url} failed: {reason}."
    hint = "Check that the pod manager is reachable and healthy; its last error is in its record."


class PodManagerUnreachable(PodManagerError):
    code = "valence.pod_manager_unreachable"
    message = "The pod manager at {url} could not be reached: {reason}."


class ConnectionClosed(PodManagerUnreachable):
    """This conductor closed its connection, as it does when another one gets the pod manager: nothing was sent."""


class PodManagerAuthFailed(PodManagerError):
    code = "valence.pod_manager_auth_failed"
    message = "The pod manager at {url} refused the credentials: {reason}."
    hint = "Correct the user name and the password of the pod manager."


class ResourceGone(PodManagerError):
    """The pod manager answers 404 or 410 for this URL."""

    code = "valence.resource_gone"
    message = "The pod manager at {url} has nothing there: {reason}."
    hint = "Synchronize the pod manager and look at its resources again."


class Unavailable(ValenceError):
    """A part of Valence that is away for the moment: ``reason``."""

    status, code, title = 503, "valence.unavailable", "Service Unavailable"
    message = "{reason}"
    hint = "Try again in a few seconds."
    retry_after = 2


class BusUnavailable(Unavailable):
    code = "valence.bus_unavailable"
    message = "The message bus is not reachable: {reason}."


class ConductorUnavailable(Unavailable):
    code = "valence.conductor_unavailable"
    message = "No conductor answered: {reason}."


class StoreUnavailable(Unavailable):
    code = "valence.store_unavailable"
    message = "The database is not reachable: {reason}."


class SchemaOutdated(StoreUnavailable):
    """The database's tables are older than this Valence: ``version``, ``head``."""

    code = "valence.schema_outdated"
    message = "The database has the schema version {version}, this Valence needs {head}."
    hint = "Run 'valence-manage db upgrade'."


class StoreFull(StoreUnavailable):
    """The database takes no changes until an operator makes room or makes it writable: ``reason``."""

    code = "valence.store_full"
    message = "The database takes no changes, it is full or read-only: {reason}."
    hint = (
        "Make room on its disk, or make it writable; with etcd: compact, 'etcdctl defrag',"
        " 'etcdctl alarm disarm', and a larger quota."
    )
    retry_after = 60


class OutcomeUnknown(StoreUnavailable):
    """The database went away during a commit: it may have taken place or not."""

    code = "valence.outcome_unknown"
    message = "The database went away, and whether the change was stored is not known: {reason}."
    hint = "Look at what is there before trying again."


# Raised at start-up: nobody asked over HTTP


class ConfigurationInvalid(ValenceError):
    """A configuration that a process cannot run with: ``problems``, all of them, of ``{"detail", "hint"}``."""

    code = "valence.configuration_invalid"
    message = "The configuration is not valid."

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        self.detail = " ".join(problem["detail"] for problem in self.problems)

    @property
    def problems(self) -> list[Problem]:
        return list(self.kwargs["problems"])


class StateDirUnusable(ValenceError):
    """A folder that cannot be used: ``path``, ``reason``."""

    code = "valence.state_dir_unusable"
    message = "The folder {path} cannot be used: {reason}."
    hint = "Choose another folder with --state-dir, or make this one usable."


class DemoRefused(ValenceError):
    """A demo that would touch a real site: ``reason``."""

    code = "valence.demo_refused"
    message = "The demo does not start: {reason}."
    hint = "The demo has a database and a bus of its own. Leave out --demo, or that option, or choose another folder."


class CannotListen(ValenceError):
    """An address that cannot be listened on: ``address``, ``reason``."""

    code = "valence.cannot_listen"
    message = "Cannot listen on {address}: {reason}."
    hint = "Choose another address or port, or end whoever uses it."


class TLSUnusable(ValenceError):
    """A certificate and its key that cannot be used: ``files``, ``reason``."""

    code = "valence.tls_unusable"
    message = "The certificate and the key in {files} cannot be used: {reason}."
    hint = "Correct tls_cert_file and tls_key_file, and let Valence read both files (PEM)."


class UsersUnusable(ValenceError):
    """A file of users that cannot be used: ``file``, ``reason``."""

    code = "valence.users_unusable"
    message = "The users in {file} cannot be used: {reason}."
    hint = "Write it with 'htpasswd -B', and let Valence read it."


class InsecureConfiguration(ValenceError):
    """Options that would let everybody control the hardware: ``reason``."""

    code = "valence.insecure_configuration"
    message = "{reason}"
    hint = "Listen on 127.0.0.1, choose another auth_strategy, or set [api] noauth_everywhere = true."


class DatabaseUnknown(ValenceError):
    """A URL that names no kind of database: ``scheme``, ``known``."""

    code = "valence.database_unknown"
    message = "There is no kind of database {scheme!r}."
    hint = "A URL begins with one of: {known}."


class CopyRefused(ValenceError):
    """A copy between two databases that was not begun: ``reason``, ``advice``."""

    code = "valence.copy_refused"
    message = "Nothing was copied: {reason}."
    hint = "{advice}"
