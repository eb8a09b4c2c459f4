# SPDX-License-Identifier: Apache-2.0
"""etcd's v2 API by python-etcd: one key at a time, compared with the index of its last change."""

import contextlib
import functools
import json
import logging
import typing
import urllib.parse

import etcd
import urllib3

from valence.common import errors
from valence.db.etcd import endpoints
from valence.db.etcd import leases

#: connections that are kept open to each member
CONNECTIONS = 20
#: what a write meets whose comparison does not hold
DIFFERENT = (etcd.EtcdCompareFailed, etcd.EtcdAlreadyExist)

# It logs every failed request as an error, before it is tried elsewhere.
logging.getLogger("etcd.client").setLevel(logging.CRITICAL)


class Node(typing.NamedTuple):
    """A key's ``text`` and the ``changed_at`` of its last change: the store's index then."""

    text: str
    changed_at: int


class Answer(typing.NamedTuple):
    """What a read found: ``node`` or None, and the store's index, ``as_of``.

    Of a folder it has the ``nodes`` by key, None for a folder in it.
    """

    node: Node | None
    nodes: dict[str, Node | None]
    as_of: int


Option = str | int


class Member(etcd.Client):  # type: ignore[misc]  # the library has no types
    """python-etcd's client of one member, as it works with today's urllib3; finding another one is not its task."""

    def _check_cluster_id(self, _response: object) -> None:
        """Not checked: it would ask urllib3 for what that has no more."""


class Client:
    """The cluster at a Location, for any number of threads."""

    def __init__(self, location: endpoints.Location) -> None:
        self.clock = leases.Clock()
        self._endpoints = endpoints.Endpoints([_member(location, each) for each in location.endpoints])
        self._slow = urllib3.Timeout(connect=endpoints.CONNECT_SECONDS, read=endpoints.ANSWER_SECONDS)
        hurried = endpoints.HURRIED_SECONDS - endpoints.CONNECT_SECONDS
        self._hurried = urllib3.Timeout(connect=endpoints.CONNECT_SECONDS, read=hurried)

    def read(self, key: str, **options: str) -> Answer:
        """Return the Answer of a key or folder; ``quorum="true"`` is never older than the call."""
        return self._endpoints.ask(lambda member: self._read(member, key, options, self._slow))

    def write(self, key: str, text: str, **options: Option) -> tuple[int | None, bool]:
        """Store a text if the options (``prevIndex``, ``prevExist``) hold; raise KeyError where the key is missing.

        Returns its index, None if they did not hold, and whether an earlier try was left without an answer.
        """
        parameters = {"value": text, "noValueOnSuccess": "true"} | options
        return self._endpoints.ask_again(lambda member: self._change(member, "PUT", key, parameters))

    def delete(self, key: str, **options: Option) -> None:
        """Remove a key, or with ``recursive="true"`` a folder; nothing happens where the options do not hold."""
        with contextlib.suppress(KeyError):
            self._endpoints.ask(lambda member: self._change(member, "DELETE", key, options))

    def ping(self) -> None:
        """Return quietly if a member answers soon."""
        options = {"quorum": "true"}
        self._endpoints.ask_once(lambda member: self._read(member, "/", options, self._hurried))

    def close(self) -> None:
        """Give the connections back."""
        self._endpoints.each(lambda member: member.http.clear())

    def _read(self, member: Member, key: str, options: dict[str, str], timeout: urllib3.Timeout) -> Answer:
        try:
            answer, headers = self._request(member, "GET", key, options, timeout)
        except etcd.EtcdKeyNotFound as error:
            return Answer(None, {}, error.payload["index"])
        node, index = answer["node"], int(headers["X-Etcd-Index"])
        nodes = {each["key"]: _node(each) for each in node.get("nodes", ()) if "value" in each}
        folders = {each["key"]: None for each in node.get("nodes", ()) if each.get("dir")}
        return Answer(_node(node) if "value" in node else None, nodes | folders, index)

    def _change(self, member: Member, method: str, key: str, parameters: dict[str, Option]) -> int | None:
        try:
            answer, headers = self._request(member, method, key, parameters, self._slow)
        except DIFFERENT:
            return None
        except etcd.EtcdKeyNotFound:
            raise KeyError(key) from None
        # Versions of etcd that do not know noValueOnSuccess answer with the node all the same.
        return int(answer["node"]["modifiedIndex"] if answer.get("node") else headers["X-Etcd-Index"])

    def _request(
        self,
        member: Member,
        method: str,
        key: str,
        parameters: typing.Mapping[str, Option],
        timeout: urllib3.Timeout,
    ) -> tuple[dict[str, typing.Any], typing.Mapping[str, str]]:
        """Return the decoded answer and its headers; raise python-etcd's errors about keys, and what others mean."""
        asked_at = self.clock.monotonic()
        try:
            answer = member.api_execute(f"/v2/keys{urllib.parse.quote(key)}", method, parameters, timeout)
            content = json.loads(answer.data)
        except (etcd.EtcdKeyError, *DIFFERENT):
            raise
        except (etcd.EtcdException, ValueError) as error:
            raise _meaning(error) from error
        self.clock.hear(answer.headers.get("Date"), asked_at, self.clock.monotonic())
        return content, answer.headers


def _node(found: dict[str, typing.Any]) -> Node:
    return Node(found["value"], found["modifiedIndex"])


def _member(location: endpoints.Location, endpoint: endpoints.Endpoint) -> Member:
    host, port = endpoint
    certificate = location.cert_file and (location.cert_file, location.key_file or location.cert_file)
    member = Member(
        host=host,
        port=port,
        protocol=location.protocol,
        cert=certificate,
        ca_cert=location.ca_file,
        username=location.user,
        password=location.password,
        per_host_pool_size=CONNECTIONS,
    )
    member.http.request_encode_body = functools.partial(_send_form, member.http)
    # urllib3 would ask three more times by itself, and a write that is asked for again is refused.
    member.http.connection_pool_kw["retries"] = False
    return member


def _send_form(
    http: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    fields: typing.Mapping[str, Option],
    headers: typing.Mapping[str, str],
    encode_multipart: bool,
    **options: typing.Any,
) -> urllib3.BaseHTTPResponse:
    """Send a form. urllib's urlencode takes a millisecond for 10 KB, and a journal may have 200 KB."""
    body = "&".join(f"{key}={_form(str(value))}" for key, value in fields.items()).encode()
    headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    return http.urlopen(method, url, headers=headers, body=body, **options)


def _form(text: str) -> str:
    """Return a text as a value of a form, with only those characters escaped that mean something in a form."""
    for character, escaped in (("%", "%25"), ("+", "%2B"), ("&", "%26"), (";", "%3B"), (" ", "+")):
        text = text.replace(character, escaped)
    return text


def _meaning(error: Exception) -> Exception:
    """Return what to raise for an error that is not about a key."""
    message = str(error)
    if isinstance(error, etcd.EtcdInsufficientPermissions):
        return errors.StoreUnavailable(reason=f"etcd refused: {message}")
    return endpoints.Lost(message)
