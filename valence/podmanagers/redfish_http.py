# SPDX-License-Identifier: Apache-2.0
"""HTTP requests to one Redfish service, and what becomes of those that fail."""

import contextlib
import json
import typing
import zlib

import urllib3

from valence.common import errors
from valence.podmanagers import redfish_failures
from valence.podmanagers import redfish_transport

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "OData-Version": "4.0"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_GONE = frozenset({404, 410, 501})
#: answers of a service that cannot answer at the moment
BUSY = frozenset({429, 502, 503, 504})


class Answer(typing.NamedTuple):
    """An HTTP answer that was read whole, in the form in which sushy's typed resources read one."""

    status_code: int
    headers: typing.Mapping
    content: bytes

    def json(self):
        return json.loads(self.content)


class HTTP:
    """Answers of one Redfish service, over a few kept connections."""

    def __init__(self, options, paths, verify_ca):
        self._options = options
        self._paths = paths
        self.interruption = redfish_transport.Interruption()
        self.pool = self._new_pool(verify_ca)

    def get(self, path, headers):
        """Return the answer at a path, through redirects within the service."""
        for _ in range(_MOST_REDIRECTS):
            answer = self._request(path, _HEADERS | headers)
            if answer.status_code not in _REDIRECTS:
                return answer
            path = self._redirected(answer)
        raise self.failure(errors.PodManagerError, "it redirects in a circle")

    def document(self, path, answer):
        """Return the JSON object of the answer at a path; raise what its status says, or that it is none."""
        if answer.status_code != 200:
            raise self._refusal(path, answer)
        try:
            document = answer.json()
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return document
        reason = redfish_failures.not_json_reason(answer.headers.get("Content-Type"), answer.content)
        raise self.failure(errors.PodManagerError, f"{path}: {reason}")

    def send(self, method, path, headers, body=None):
        """Return the answer to a request that changes something; it is sent once."""
        headers = _HEADERS | headers
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self._once(path, headers, method, body and json.dumps(body).encode())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unanswered(error) from None

    def accepted(self, path, answer):
        """Return an answer of success; raise what another one says."""
        if 200 <= answer.status_code < 300:
            return answer
        raise self._refusal(path, answer)

    def delete(self, path, headers, timeout):
        """Delete what is at a path within ``timeout`` seconds; a failure is no matter."""
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            self.pool.urlopen(
                "DELETE",
                path,
                headers=_HEADERS | headers,
                timeout=timeout,
                pool_timeout=timeout,
                redirect=False,
            )

    def failure(self, error, reason):
        """Return an error of a class about this service."""
        return error(url=self._paths.url, reason=reason)

    def unanswered(self, error):
        """Return the error for a request that got no answer because of a library's ``error``."""
        options = self._options
        if self.interruption.happened:
            return self.failure(errors.PodManagerUnreachable, "Valence broke the connection off")
        if redfish_failures.caused_by(error, redfish_transport.TooLarge):
            return self.failure(
                errors.PodManagerError, f"an answer is larger than {options.max_document_kib} KiB"
            )
        reason = redfish_failures.connection_reason(error, options.connect_timeout, options.read_timeout)
        return self.failure(errors.PodManagerUnreachable, reason)

    def _refusal(self, path, answer):
        if answer.status_code == 401:  # what it says may repeat what was sent
            return self.failure(errors.PodManagerAuthFailed, f"{path}: {redfish_failures.status_reason(401)}")
        reason = f"{path}: {redfish_failures.status_reason(answer.status_code, answer.content)}"
        if answer.status_code in _GONE:
            return self.failure(errors.ResourceGone, reason)
        if answer.status_code in BUSY:
            return self.failure(errors.PodManagerUnreachable, reason)
        return self.failure(errors.PodManagerError, reason)

    def _request(self, path, headers):
        try:
            return self._once(path, headers)
        except urllib3.exceptions.ProtocolError as error:
            if self.interruption.happened or redfish_failures.caused_by(error, redfish_transport.TooLarge):
                raise self.unanswered(error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unanswered(error) from None
        try:  # services close kept connections whenever they like, also between the request and the answer
            return self._once(path, headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unanswered(error) from None

    def _once(self, path, headers, method="GET", body=None):
        answer = self.pool.urlopen(
            method,
            path,
            body=body,
            headers=headers,
            redirect=False,
            decode_content=False,
            pool_timeout=self._options.read_timeout,
        )
        content = answer.data
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            content = self._decoded(content)
        return Answer(answer.status, answer.headers, content)

    def _decoded(self, content):
        """Decode gzip and deflate, which some send although nobody asked for it."""
        limit = self._options.max_document_kib * 1024
        try:
            decoded = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, limit + 1)
        except zlib.error:
            raise self.failure(errors.PodManagerError, "an answer is compressed in an unknown way") from None
        if len(decoded) > limit:
            raise self.unanswered(redfish_transport.TooLarge())
        return decoded

    def _redirected(self, answer):
        location = answer.headers.get("Location") or ""
        path = self._paths.local(location)
        if path is None:
            reason = f"it redirects to {redfish_failures.printable(location)}; register that URL if it is the right one"
            raise self.failure(errors.PodManagerError, reason)
        return path

    def _new_pool(self, verify_ca):
        options = self._options
        try:
            return redfish_transport.pool(self._paths, options, verify_ca, self.interruption)
        except OSError as error:  # ssl.SSLError is one
            reason = f"the file of authorities {verify_ca} cannot be used ({type(error).__name__})"
            raise self.failure(errors.PodManagerUnreachable, reason) from None
