# SPDX-License-Identifier: Apache-2.0
"""Errors of the client: what the API answered, with its code, hint and request id, or that nothing answered.

All of them are exceptions of keystoneauth1, so that code written for its sessions catches them.
"""

import typing

import requests
from keystoneauth1 import exceptions


class RackError(exceptions.ClientException):
    """A request that was not done as wanted.

    ``status`` is the HTTP status, None without an answer; ``code`` is stable, such as ``valence.not_found``;
    ``problems`` has each problem of a request as the API sent it.
    """

    def __init__(
        self,
        detail: str,
        *,
        hint: str = "",
        code: str = "",
        status: int | None = None,
        request_id: str = "",
        problems: typing.Sequence[dict[str, typing.Any]] = (),
    ) -> None:
        self.detail, self.hint, self.code = detail, hint, code
        self.status, self.request_id, self.problems = status, request_id, list(problems)
        super().__init__(f"{detail} {hint}".strip())


class BadRequest(RackError):
    """400: the request is not valid."""


class Unauthorized(RackError):
    """401: credentials are missing or wrong."""


class Forbidden(RackError):
    """403: the policy does not allow it."""


class NotFound(RackError):
    """404: there is no such thing."""


class Conflict(RackError):
    """409: it conflicts with what there is, or with work that runs."""


class Changed(RackError):
    """412: somebody changed it in the meantime."""


class Unavailable(RackError):
    """503: the bus, a conductor or the database is away; it may be there again later."""


class Unreachable(RackError):
    """No answer came: nothing listens there, the connection broke, or the certificate is refused."""


class Ambiguous(RackError):
    """Several things have a name."""


class OperationFailed(RackError):
    """An operation failed or was cancelled; ``operation`` is the last that was seen of it."""

    def __init__(self, operation: typing.Mapping[str, typing.Any]) -> None:
        self.operation = operation
        what = f"The operation {operation['operation_kind']} {operation['uuid']} {ENDS[operation['state']]}"
        detail = f"{what}: {operation['cause']}" if operation.get("cause") else f"{what}."
        super().__init__(
            detail, hint=operation.get("hint") or "", request_id=operation.get("request_id") or ""
        )


class WaitTimeout(RackError):
    """An operation has not ended in the time that the caller gave it; it goes on."""


#: how an operation that did not succeed has ended
ENDS = {"failed": "failed", "cancelled": "was cancelled"}
BY_STATUS = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Changed,
    503: Unavailable,
}


def of(response: requests.Response) -> RackError:
    """Return the error of a response, whatever answered: the API, or a proxy in front of it."""
    problems = _problems(response)
    first = problems[0] if problems else {}
    detail = " ".join(each["detail"] for each in problems if each.get("detail"))
    hints = dict.fromkeys(each["hint"] for each in problems if each.get("hint"))
    return BY_STATUS.get(response.status_code, RackError)(
        detail or f"{response.url} answered {response.status_code} {response.reason}.",
        hint=" ".join(hints),
        code=first.get("code", ""),
        status=response.status_code,
        request_id=first.get("request_id") or response.headers.get("X-OpenStack-Request-ID", ""),
        problems=problems,
    )


def unreachable(error: Exception, url: str) -> RackError:
    """Return the error of a request that nothing answered."""
    if isinstance(error, exceptions.SSLError):
        hint = "Name the file of the authority that signed it (--os-cacert, OS_CACERT, or cacert in clouds.yaml)."
        return Unreachable(f"The certificate of {url} is refused: {_cause(error)}", hint=hint)
    if isinstance(error, exceptions.ConnectTimeout):
        return Unreachable(
            f"{url} did not answer in time.", hint="It may have been done; look before you repeat it."
        )
    hint = "Does Valence run there? Name another place by --endpoint, VALENCE_ENDPOINT or in clouds.yaml."
    return Unreachable(f"{url} cannot be reached: {_cause(error)}", hint=hint)


def _problems(response: requests.Response) -> list[dict[str, typing.Any]]:
    try:
        found = response.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _cause(error: BaseException) -> str:
    """Return the innermost reason of an error in one line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.endswith(".") else f"{text}."
