# SPDX-License-Identifier: Apache-2.0
"""etcd's v3 API by etcd3gw: requests as its JSON gateway takes them, and what its errors mean."""

import base64
import contextlib
import json
import typing

import etcd3gw
import requests
from etcd3gw import exceptions

from valence.common import errors
from valence.db.etcd import endpoints
from valence.db.etcd import leases

#: requests and answers of the JSON gateway, whose bytes are Base64; https://etcd.io/docs/v3.5/dev-guide/apispec
Request = dict[str, typing.Any]
Answer = dict[str, typing.Any]
Option = str | int | bool

#: connections that are kept open to each member
CONNECTIONS = 20
#: codes of gRPC
OUT_OF_RANGE, RESOURCE_EXHAUSTED, UNAUTHENTICATED, DEADLINE, UNAVAILABLE = 11, 8, 16, 4, 14


class Gateway:
    """The cluster at a Location, for any number of threads."""

    def __init__(self, location: endpoints.Location) -> None:
        self.clock = leases.Clock()
        self._location = location
        self._session = self._new_session()
        slow = (endpoints.CONNECT_SECONDS, endpoints.ANSWER_SECONDS)
        hurried = (endpoints.CONNECT_SECONDS, endpoints.HURRIED_SECONDS - endpoints.CONNECT_SECONDS)
        self._endpoints = endpoints.Endpoints([self._client(each, slow) for each in location.endpoints])
        self._hurried = endpoints.Endpoints([self._client(each, hurried) for each in location.endpoints])

    def range(self, first: str, end: str | None = None, **options: Option) -> Answer:
        """Return the answer to one range request."""
        return self._endpoints.ask(
            lambda client: self._post(client, "/kv/range", ranged(first, end, **options))
        )

    def ranges(self, requested: typing.Iterable[Request]) -> list[Answer]:
        """Return the answers to range requests (dicts of ``ranged``), in their order."""
        transaction = {"success": [{"request_range": each} for each in requested]}
        answer = self._endpoints.ask(lambda client: self._post(client, "/kv/txn", transaction))
        return [each["response_range"] for each in answer.get("responses", ())]

    def exchange(self, compared: list[Request], operations: list[Request]) -> tuple[bool, bool]:
        """Write ``operations`` if ``compared`` holds; return whether it did, and whether an answer got lost."""
        transaction = {"compare": compared, "success": operations}
        answer, is_open = self._endpoints.ask_again(lambda client: self._post(client, "/kv/txn", transaction))
        return answer.get("succeeded", False), is_open

    def grant(self, seconds: int) -> str:
        """Return the number of a new lease of etcd's own."""
        answer = self._endpoints.ask(lambda client: self._post(client, "/lease/grant", {"TTL": seconds}))
        return str(answer["ID"])

    def ping(self) -> None:
        """Return quietly if a member answers soon."""
        self._hurried.ask_once(lambda client: self._post(client, "/kv/range", ranged("\0", None, limit=1)))

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _post(self, client: etcd3gw.Etcd3Client, path: str, payload: Request) -> Answer:
        try:
            return self._post_signed_in(client, path, payload)
        except endpoints.Locked:
            self._session.headers.pop("Authorization", None)
            return self._post_signed_in(client, path, payload)

    def _post_signed_in(self, client: etcd3gw.Etcd3Client, path: str, payload: Request) -> Answer:
        with _translated():
            if self._location.user and "Authorization" not in self._session.headers:
                sign_in = {"name": self._location.user, "password": self._location.password}
                answer = client.post(client.get_url("/auth/authenticate"), json=sign_in)
                self._session.headers["Authorization"] = answer["token"]
            return dict(client.post(client.get_url(path), data=json.dumps(payload)))

    def _client(self, endpoint: endpoints.Endpoint, timeout: tuple[float, float]) -> etcd3gw.Etcd3Client:
        host, port = endpoint
        return etcd3gw.client(
            host=host,
            port=port,
            protocol=self._location.protocol,
            timeout=timeout,  # type: ignore[arg-type]  # requests takes a pair
            session=self._session,
        )

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # Proxies and .netrc of the environment are for the web.
        session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        session.verify = self._location.ca_file or True
        if self._location.cert_file:
            session.cert = (self._location.cert_file, self._location.key_file or self._location.cert_file)
        session.hooks["response"].append(self._hear)
        return session

    def _hear(self, response: requests.Response, **_: object) -> None:
        heard_at = self.clock.monotonic()
        asked_at = heard_at - response.elapsed.total_seconds()
        self.clock.hear(response.headers.get("Date"), asked_at, heard_at)


def ranged(first: str, end: str | None = None, **options: Option) -> Request:
    """Return a range request of the keys (texts) from ``first`` on to before ``end``, or of ``first`` alone."""
    request = {"key": encoded(first)} | options
    return request | {"range_end": encoded(end)} if end is not None else request


def put(key: str, text: str, **options: Option) -> Request:
    """Return the operation that stores a text."""
    return {"request_put": {"key": encoded(key), "value": encoded(text)} | options}


def delete(first: str, end: str | None = None) -> Request:
    """Return the operation that removes a key, or those from ``first`` on to before ``end``."""
    return {"request_delete_range": ranged(first, end)}


def operation(pair: tuple[str, str | None]) -> Request:
    """Return the operation that stores the text of a (key, text) pair, or removes the key where that is None."""
    key, text = pair
    return delete(key) if text is None else put(key, text)


def unchanged(key: str, revision: int) -> Request:
    """Return the comparison that holds while the key was last changed at ``revision``; 0 is never."""
    return {"key": encoded(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision}


def same(key: str, revision: int) -> Request:
    """Return the comparison that holds while the key is the one that was created at ``revision``; 0 is never."""
    return {"key": encoded(key), "target": "CREATE", "result": "EQUAL", "create_revision": revision}


def encoded(text: str) -> str:
    """Return a text as JSON takes bytes."""
    return base64.b64encode(text.encode()).decode()


def decoded(text: str) -> str:
    """Return the text that JSON's bytes are."""
    return base64.b64decode(text).decode()


@contextlib.contextmanager
def _translated() -> typing.Iterator[None]:
    try:
        yield
    except exceptions.Etcd3Exception as error:
        raise _meaning(error) from error
    except (requests.exceptions.RequestException, json.JSONDecodeError) as error:
        raise endpoints.Lost(f"{type(error).__name__}: {error}") from error


def _meaning(error: exceptions.Etcd3Exception) -> Exception:
    """Return what to raise for an error of etcd3gw."""
    message, code = _said(error)
    if code == RESOURCE_EXHAUSTED or "database space exceeded" in message:
        return errors.StoreFull(reason=message) if "space" in message else endpoints.Lost(message)
    if code == OUT_OF_RANGE:
        return endpoints.Stale(message)
    if "key not found" in message:
        return endpoints.Gone(message)
    if code == UNAUTHENTICATED or "invalid auth token" in message:
        return endpoints.Locked(message)
    if code in (DEADLINE, UNAVAILABLE) or _is_about_connection(error):
        return endpoints.Lost(message)
    return errors.StoreUnavailable(reason=f"etcd refused: {message}")


def _is_about_connection(error: exceptions.Etcd3Exception) -> bool:
    kinds = (
        exceptions.ConnectionFailedError,
        exceptions.ConnectionTimeoutError,
        exceptions.InternalServerError,
    )
    return isinstance(error, kinds)


def _said(error: exceptions.Etcd3Exception) -> tuple[str, int | None]:
    """Return message and gRPC code of an error; the code is None where the gateway did not get that far."""
    text = error.detail_text or str(error) or type(error).__name__
    try:
        answer = json.loads(text)
        return answer["message" if "message" in answer else "error"], answer.get("code")
    except (ValueError, KeyError, TypeError):
        return text, None
