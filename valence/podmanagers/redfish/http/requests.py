# SPDX-License-Identifier: Apache-2.0
"""HTTP requests to one Redfish service, and what becomes of those that fail."""

import contextlib
import json
import time
import typing
import zlib

import urllib3

from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import failures
from valence.podmanagers.redfish.http import transport

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "OData-Version": "4.0"}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: redirects after which a POST stays a POST; 302 and 303 may say that it was done
_KEEPING_METHOD = frozenset({301, 307, 308})
_MOST_REDIRECTS = 3
_GONE = frozenset({404, 410, 501})
#: answers of a service that cannot answer at the moment
BUSY = frozenset({429, 502, 503, 504})
#: answers of a gateway to which the answer of the service was lost
_LOST = frozenset({502, 504})
#: answers to a path that a service may know with, or without, a slash at its end
_OTHER_FORM = REDIRECTS | {404, 405}
_FIRST_NOT_SUCCESS = 300


class Answer(typing.NamedTuple):
    """An HTTP answer that was read whole; ``path`` is the one that answered, after redirects."""

    status_code: int
    headers: typing.Mapping
    content: bytes
    path: str = ""


def json_object(answer: Answer) -> dict | None:
    """Return the JSON object that an answer brings, None if it brings anything else."""
    return failures.parse_object(answer.content)


class HTTP:
    """Answers of one Redfish service, over a few kept connections."""

    def __init__(self, options, paths, verify_ca, tls="auto"):
        self._options = options
        self._paths = paths
        self.interruption = transport.Interruption()
        self.pool = transport.pool(paths, options, verify_ca, self.interruption, tls)

    def get(self, path, headers):
        """Return the answer at a path, through redirects within the service; a redirect that leads elsewhere is it."""
        passed = []
        while True:
            answer = self._request(path, _HEADERS | headers)
            if answer.status_code not in REDIRECTS:
                return answer
            passed.append(path)
            path = self._redirected(answer)
            if path is None or path in passed or len(passed) >= _MOST_REDIRECTS:
                return answer

    def document(self, path, answer):
        """Return the resource of the answer at a path; raise what its status says, or that it is none."""
        if answer.status_code != 200:
            raise self._refusal(path, answer)
        document = json_object(answer)
        if document is None:
            reason = failures.not_json_reason(answer.headers.get("Content-Type"), answer.content)
        elif properties.is_resource(document):
            return document
        else:
            reason = failures.no_resource_reason(answer.content)
        raise self.failure(errors.PodManagerError, f"{path}: {reason}")

    def send(self, method, path, headers, body=None):
        """Return the answer to a request that changes something.

        It is sent once, whatever happens to it. It is sent to another path only if the answer proves that nothing was
        done: to that of a redirect within the service, and with or without a slash at the end after a 404.
        Raise HardwareOutcomeUnknown if the request may have left and there is no answer, PodManagerUnreachable if it
        certainly has not left.
        """
        passed = []
        while True:
            answer = self._sent(method, path, headers, body)
            passed.append(path)
            path = self._elsewhere(answer)
            if path is None or path in passed or len(passed) >= _MOST_REDIRECTS:
                return answer

    def _elsewhere(self, answer):
        """Return the path at which a request that changed nothing here is to be sent, None if nowhere."""
        if answer.status_code == 404:
            return urls.toggled(answer.path)
        return self._redirected(answer) if answer.status_code in _KEEPING_METHOD else None

    def _sent(self, method, path, headers, body):
        headers = _HEADERS | headers
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.pool.sending.began = False
        try:
            return self._once(path, headers, method, None if body is None else json.dumps(body).encode())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failure = self.unanswered(error)
        except errors.PodManagerError as error:  # an answer that cannot be decoded
            failure = error
        if self.pool.sending.began:
            raise self.failure(composition_errors.HardwareOutcomeUnknown, failure.kwargs["reason"])
        raise failure

    def accepted(self, path, answer):
        """Return an answer of success; raise what another one says."""
        if 200 <= answer.status_code < 300:
            return answer
        raise self.refusal(path, answer)

    def refusal(self, path, answer):
        """Return the error for the answer to a change that is no success: HardwareOutcomeUnknown for 502 and 504."""
        if answer.status_code in _LOST:
            reason = f"{path}: {failures.status_reason(answer.status_code)}"
            return self.failure(composition_errors.HardwareOutcomeUnknown, reason)
        return self._refusal(path, answer)

    def delete(self, path, headers, timeout):
        """Delete what is at a path within ``timeout`` seconds, whichever form of it the service knows; never raises."""
        end = time.monotonic() + timeout
        for form in (path, urls.toggled(path)):
            with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
                left = max(0.1, end - time.monotonic())
                answer = self.pool.urlopen(
                    "DELETE",
                    form,
                    headers=_HEADERS | headers,
                    timeout=left,
                    pool_timeout=left,
                    redirect=False,
                )
                if answer.status in _OTHER_FORM and time.monotonic() < end:
                    continue
            return

    def failure(self, error, reason):
        """Return an error of a class about this service."""
        return error(url=self._paths.url, reason=reason)

    def unanswered(self, error):
        """Return the error for a request that got no answer because of a library's ``error``."""
        options = self._options
        if self.interruption.happened:
            return self.failure(errors.PodManagerUnreachable, "Valence broke the connection off")
        if failures.caused_by(error, transport.TooLarge):
            return self.failure(
                errors.PodManagerError, f"an answer is larger than {options.max_document_kib} KiB"
            )
        reason = failures.connection_reason(error, options.connect_timeout, options.read_timeout)
        return self.failure(errors.PodManagerUnreachable, reason)

    def _refusal(self, path, answer):
        if answer.status_code in REDIRECTS:
            return self.failure(errors.PodManagerError, self._redirect_reason(path, answer))
        if answer.status_code == 401:  # what it says may repeat what was sent
            return self.failure(errors.PodManagerAuthFailed, f"{path}: {failures.status_reason(401)}")
        reason = f"{path}: {failures.status_reason(answer.status_code, answer.content)}"
        if answer.status_code in _GONE:
            return self.failure(errors.ResourceGone, reason)
        if answer.status_code in BUSY:
            return self.failure(errors.PodManagerUnreachable, reason)
        return self.failure(errors.PodManagerError, reason)

    def _request(self, path, headers):
        try:
            return self._once(path, headers)
        except urllib3.exceptions.ProtocolError as error:
            if self.interruption.happened or failures.caused_by(error, transport.TooLarge):
                raise self.unanswered(error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unanswered(error) from None
        try:  # services close kept connections whenever they like, also between the request and the answer
            return self._once(path, headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unanswered(error) from None

    def _once(self, path, headers, method="GET", body=None):
        response = self.pool.urlopen(
            method,
            path,
            body=body,
            headers=headers,
            redirect=False,
            decode_content=False,
            preload_content=False,
            pool_timeout=self._options.read_timeout,
        )
        return Answer(response.status, response.headers, self._content(response), path)

    def _content(self, response):
        """Return the body of a response; of an error nothing if it cannot be read, because its status says enough."""
        try:
            content = response.read(decode_content=False)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                content = self._decoded(content)
        except (urllib3.exceptions.HTTPError, OSError, errors.PodManagerError):
            response.close()
            if response.status < _FIRST_NOT_SUCCESS or self.interruption.happened:
                raise
            return b""
        response.release_conn()
        return content

    def _decoded(self, content):
        """Decode gzip and deflate, which some send although nobody asked for it."""
        limit = self._options.max_document_kib * 1024
        try:
            decoded = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, limit + 1)
        except zlib.error:
            raise self.failure(errors.PodManagerError, "an answer is compressed in an unknown way") from None
        if len(decoded) > limit:
            raise self.unanswered(transport.TooLarge())
        return decoded

    def _redirected(self, answer):
        """Return the path that an answer redirects to, None if it does not, or not within this service."""
        if answer.status_code not in REDIRECTS:
            return None
        return self._paths.local(answer.headers.get("Location"))

    def _redirect_reason(self, path, answer):
        if self._redirected(answer) == path:
            location = failures.printable(answer.headers["Location"])
            return (
                f"{path}: it redirects in a circle, to {location}; register that URL if it is the right one"
            )
        if self._redirected(answer):
            return f"{path}: it redirects in a circle"
        location = failures.printable(answer.headers.get("Location") or "nowhere")
        return f"it redirects to {location}; register that URL if it is the right one"
