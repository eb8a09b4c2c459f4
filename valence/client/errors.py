# SPDX-License-Identifier: Apache-2.0
"""Errors of the client: what the API answered, with its code, hint and request id, or that nothing answered.

All of them are exceptions of keystoneauth1, so that code written for its sessions catches them.
"""

import re
import typing
import urllib.parse
from collections import abc

import requests
import urllib3
from keystoneauth1 import exceptions

from valence.client import terminal

#: user name and password in a URL
_LOGIN = re.compile(r"://[^/?#\s]*@")
#: causes of a connection that never was, over which nothing was sent
_UNSENT = (
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
)


class RackError(exceptions.ClientException):
    """A request that was not done as wanted.

    ``status`` is the HTTP status, None without an answer; ``code`` is stable, such as ``valence.not_found``;
    ``problems`` has each problem of a request as the API sent it; the text of the exception has each in a line of its
    own, with its own hint. ``idempotency_key`` is that of a POST without a final answer: the same request with the same
    key is done once.
    """

    idempotency_key = ""
    #: whether the same request may be answered later
    is_passing = False
    #: whether the request may have been done
    may_be_done = False
    #: seconds after which to repeat the request, as far as the answer says
    retry_after: float | None = None

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
        super().__init__(_lines(self.problems) or _sentences(detail, hint))

    def __str__(self) -> str:
        # Names in it may be made to steer terminals; detail and hint are as the API sent them.
        return terminal.escaped(super().__str__())


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
    """503: the bus, a conductor or the database is away; or a proxy found no API, with 502, 503 or 504."""

    is_passing = True


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


class IntrospectionFailed(RackError):
    """An introspection failed or was aborted; ``introspection`` is the last that was seen of it."""

    def __init__(self, introspection: typing.Mapping[str, typing.Any]) -> None:
        self.introspection = introspection
        super().__init__(
            f"The introspection of {introspection['uuid']} failed: {introspection['error']}",
            hint="Correct the cause, then start the introspection again.",
        )


class WaitTimeout(RackError):
    """An operation has not ended in the time that the caller gave it; it goes on."""


#: what OpenSSL says of an answer that is not of TLS
_WITHOUT_TLS = ("WRONG_VERSION_NUMBER", "record layer failure", "UNEXPECTED_MESSAGE")
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
#: statuses by which a proxy says that no API answers; those of the API have errors in their body
OF_PROXIES = (502, 503, 504)
#: what to do where an answer does not say it: those of Keystone, of the other dialects, and of proxies
HINTS = {
    400: "Correct the request and send it again.",
    401: "Check the user name, the password and the project, or the token.",
    403: "Ask an operator for a role that the policy allows.",
    404: "List them to see what there is.",
    409: "Read the current state, then try again.",
} | dict.fromkeys(OF_PROXIES, "Try again in a few seconds.")
#: what to do where something else answers than Valence
ELSEWHERE = "Is that the URL of Valence? Name another by --endpoint, VALENCE_ENDPOINT or in clouds.yaml."

#: members of a problem that are shown
_TEXTS = ("detail", "hint", "code", "request_id")


def of(response: requests.Response) -> RackError:
    """Return the error of a response, whatever answered: the API, or a proxy in front of it."""
    problems = _problems(response)
    first = problems[0] if problems else {}
    detail = " ".join(each["detail"] for each in problems if each.get("detail"))
    hints = dict.fromkeys(each["hint"] for each in problems if each.get("hint"))
    status = response.status_code
    is_away = status in OF_PROXIES and not problems
    error = (Unavailable if is_away else BY_STATUS.get(status, RackError))(
        detail or f"{masked(response.url)} answered {status} {response.reason}.",
        hint=" ".join(hints) or _usual_hint(status, is_of_valence=bool(problems)),
        code=first.get("code", ""),
        status=status,
        request_id=first.get("request_id") or response.headers.get("X-OpenStack-Request-ID", ""),
        problems=problems,
    )
    # With 503 a proxy has sent the request nowhere.
    error.may_be_done = is_away and status != 503
    after = response.headers.get("Retry-After", "")
    error.retry_after = float(after) if after.isdecimal() else None
    return error


def foreign(response: requests.Response) -> RackError:
    """Return the error of a good answer that is not one of Valence."""
    detail = f"{response.url} answered {response.status_code} with something else than Valence does."
    return RackError(detail, hint=ELSEWHERE, status=response.status_code)


def rows_of(response: requests.Response, name: str) -> list[typing.Any]:
    """Return the list ``name`` in the document of a good answer; raise a RackError if it has none."""
    found = response.json().get(name)
    if not isinstance(found, list):
        raise foreign(response)
    return found


def unreachable(error: Exception, url: str) -> Unreachable:
    """Return the error of a request to Valence at ``url``, or to Keystone before it, that nothing answered."""
    url = masked(url)
    place = _place(error, url)
    if isinstance(error, exceptions.SSLError) and any(text in str(error) for text in _WITHOUT_TLS):
        return Unreachable(f"{place} answers without TLS.", hint="Write http:// instead of https://.")
    if isinstance(error, exceptions.SSLError):
        hint = "Name the file of the authority that signed it (--os-cacert, OS_CACERT, or cacert in clouds.yaml)."
        return Unreachable(f"The certificate of {place} is refused: {cause(error)}", hint=hint)
    if isinstance(error, exceptions.ConnectTimeout):
        found = Unreachable(f"{place} did not answer in time.")
    else:
        hint = (
            "Does Valence run there? Name another place by --endpoint, VALENCE_ENDPOINT or in clouds.yaml."
            if place == url
            else "Is that the URL of Keystone? Correct auth_url (--os-auth-url, OS_AUTH_URL or in clouds.yaml)."
        )
        found = Unreachable(f"{place} cannot be reached: {cause(error)}", hint=hint)
    is_broken = isinstance(getattr(error, "original", None), requests.exceptions.ChunkedEncodingError)
    found.is_passing = is_broken or isinstance(error, exceptions.RetriableConnectionFailure)
    found.may_be_done = found.is_passing and not any(isinstance(each, _UNSENT) for each in _chain(error))
    return found


def uncertain(error: RackError, key: str) -> RackError:
    """Return the error of a change that may have been done; ``key`` is its Idempotency-Key, if it has one."""
    hint = (
        f"It may have been done. To be sure, repeat it with its Idempotency-Key, --idempotency-key {key}."
        if key
        else "It may have been done; look before you repeat it."
    )
    found = type(error)(
        error.detail,
        hint=hint,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        problems=error.problems,
    )
    found.idempotency_key, found.may_be_done = key, True
    return found


def _problems(response: requests.Response) -> list[dict[str, typing.Any]]:
    try:
        document = response.json()
    except ValueError:
        return []
    if not isinstance(document, dict):
        return []
    error = document.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):  # of Keystone and of introspection
        return [{"detail": error["message"]}]
    if isinstance(document.get("title"), str):  # of the backup service
        text = document.get("description")
        return [{"detail": text if text and isinstance(text, str) else document["title"]}]
    found = document.get("errors")
    problems = [_texts(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return [each for each in problems if each.get("detail") or each.get("code")]


def _texts(problem: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Return a problem without members that are text in the API and something else in the answer of a proxy."""
    return {name: value for name, value in problem.items() if name not in _TEXTS or isinstance(value, str)}


def _lines(problems: list[dict[str, typing.Any]]) -> str:
    """Return several problems, each with its own hint in a line, and an empty text for a single one."""
    if len(problems) < 2:
        return ""
    return "\n".join(_sentences(each.get("detail", ""), each.get("hint", "")) for each in problems)


def _sentences(detail: str, hint: str) -> str:
    end = "." if hint and not detail.endswith((".", "!", "?")) else ""
    return f"{detail}{end} {hint}".strip()


def _usual_hint(status: int, *, is_of_valence: bool) -> str:
    is_clear = is_of_valence or status in (401, 403, *OF_PROXIES)
    return HINTS.get(status, "") if is_clear else ELSEWHERE


def _place(error: Exception, url: str) -> str:
    """Return ``url``, or the server that did not answer if it is another one."""
    requested = [getattr(getattr(each, "request", None), "url", None) for each in _chain(error)]
    asked = urllib.parse.urlsplit(masked(next(filter(None, requested), url)))
    is_other = asked[:2] != urllib.parse.urlsplit(url)[:2]
    return urllib.parse.urlunsplit((*asked[:2], "", "", "")) if is_other else url


def masked(text: str) -> str:
    """Return a URL, or a text with URLs, without the user names and passwords in them."""
    return _LOGIN.sub("://***@", text)


def _chain(error: BaseException | None) -> abc.Iterator[BaseException]:
    """Yield an error and what caused it."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def cause(error: BaseException) -> str:
    """Return the innermost reason of an error in one line."""
    *_, first = _chain(error)
    text = masked(" ".join(str(first).split())) or type(first).__name__
    return text if text.endswith(".") else f"{text}."
