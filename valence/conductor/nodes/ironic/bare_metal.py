# SPDX-License-Identifier: Apache-2.0
"""Requests to Ironic; the only module of the server that imports openstacksdk for it. Load it with ``access.Ironic``.

Each request is sent once, with a deadline: openstacksdk repeats those that Ironic answers with 409 or 503 for many
seconds, but steps of operations are repeated by the conductor, which looks first what an earlier request did. Nothing
of a request is logged: it may have a password.
"""

import contextlib
import json
import re
import threading
import typing

import openstack.exceptions
from keystoneauth1 import exceptions
from keystoneauth1 import loading
from openstack import connection
from openstack import utils
from oslo_config import cfg

from valence.common import composition_errors
from valence.conductor.nodes.ironic import options

#: newest version of the API that is used, of which every field of a node is accepted; an older Ironic has fewer fields
VERSION = "1.95"
#: most characters of a message of Ironic that are shown
LONGEST_MESSAGE = 500
#: answers that say nothing of the request: it may be repeated
_PASSING = (408, 429, 500, 502, 503, 504)
#: names of fields whose values are hidden in messages of Ironic
_SECRET = re.compile("password|secret|token|credential|community|_key$", re.IGNORECASE)

Document = dict[str, typing.Any]


class Answer(typing.NamedTuple):
    """The status of an answer, its JSON, and its message if it is an error."""

    status: int
    document: Document
    message: str


class Client:
    """Ironic as [ironic] names it; signs in when it is first needed. Methods raise IronicUnavailable, IronicRefused."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        """Take the registered options; raise IronicNotConfigured where they do not say how to sign in."""
        self._lock = threading.Lock()
        self._connection = _new_connection(conf)
        #: the proxy of openstacksdk, and the version of the API that both sides know
        self._known: tuple[typing.Any, str] | None = None

    def node(self, uuid: str, *, timeout: float | None = None) -> Document | None:
        """Return a node by its UUID, None if Ironic has none; ``timeout`` replaces the one of [ironic]."""
        answer = self._request("show the node", "GET", f"/nodes/{uuid}", timeout=timeout, allowed=(404,))
        return None if answer.status == 404 else answer.document

    def create_node(self, values: Document) -> bool:
        """Create a node; return whether it was made, False if Ironic has one with its UUID already."""
        what = "create the node"
        answer = self._request(what, "POST", "/nodes", values, allowed=(409,))
        if answer.status != 409:
            return True
        if self.node(values["uuid"]) is None:
            raise composition_errors.IronicRefused(what=what, reason=answer.message)
        return False

    def delete_node(self, uuid: str) -> str | None:
        """Remove a node with its ports; return why Ironic refuses that now, None if it is gone."""
        answer = self._request("remove the node", "DELETE", f"/nodes/{uuid}", allowed=(403, 404, 409))
        return None if answer.status in (200, 204, 404) else answer.message

    def port(self, address: str) -> Document | None:
        """Return the port with a MAC address, None if Ironic has none."""
        asked = {"address": address, "fields": "uuid,node_uuid,address"}
        answer = self._request("list the ports", "GET", "/ports", asked=asked)
        return next(iter(answer.document.get("ports") or ()), None)

    def create_port(self, node_uuid: str, address: str) -> None:
        """Create a port of a node; nothing happens if Ironic has one with the MAC address already."""
        values = {"node_uuid": node_uuid, "address": address}
        self._request("create the port", "POST", "/ports", values, allowed=(409,))

    def _request(
        self,
        what: str,
        method: str,
        path: str,
        values: Document | None = None,
        *,
        asked: typing.Mapping[str, str] | None = None,
        timeout: float | None = None,
        allowed: typing.Collection[int] = (),
    ) -> Answer:
        """Send a request once; return an answer that is a success, or whose status is ``allowed``."""
        keywords: dict[str, typing.Any] = {"params": dict(asked)} if asked else {}
        keywords |= {"json": values} if values is not None else {}
        keywords |= {"timeout": timeout} if timeout is not None else {}
        try:
            proxy, version = self._connected(timeout)
            response = proxy.request(
                path,
                method,
                raise_exc=False,
                microversion=version,
                log=False,
                status_code_retries=0,
                connect_retries=0,
                **keywords,
            )
        except exceptions.AuthorizationFailure as error:
            raise composition_errors.IronicRefused(what=what, reason=_kind(error)) from None
        except exceptions.Unauthorized:
            reason = "Keystone refuses the user of [ironic]"
            raise composition_errors.IronicRefused(what=what, reason=reason) from None
        except (exceptions.ClientException, openstack.exceptions.SDKException) as error:
            # Its text has URLs of the site, and may have parts of the request.
            raise composition_errors.IronicUnavailable(reason=_kind(error)) from None
        answer = Answer(response.status_code, _document(response), _message(response, values))
        if answer.status in _PASSING:
            raise composition_errors.IronicUnavailable(reason=f"it answers {answer.status} {answer.message}")
        if answer.status >= 400 and answer.status not in allowed:
            raise composition_errors.IronicRefused(what=what, reason=answer.message)
        return answer

    def _connected(self, timeout: float | None) -> tuple[typing.Any, str]:
        """Return the proxy of openstacksdk, and the version of the API that both sides know.

        The first request reads the versions of Ironic. Others do not wait for that: an Ironic that hangs would hold
        a thread for each of them.
        """
        if self._known is None:
            if not self._lock.acquire(blocking=False):
                raise composition_errors.IronicUnavailable(
                    reason="another request waits for its first answer"
                )
            try:
                self._known = self._known or self._discovered(timeout)
            finally:
                self._lock.release()
        return self._known

    def _discovered(self, timeout: float | None) -> tuple[typing.Any, str]:
        """Sign in and read the versions, within ``timeout`` seconds a request, by default those of [ironic]."""
        session = self._connection.session
        usual = session.timeout
        session.timeout = usual if timeout is None else min(timeout, usual or timeout)
        try:
            proxy = self._connection.baremetal
            version = utils.maximum_supported_microversion(proxy, VERSION)
        finally:
            session.timeout = usual
        if version is None:
            raise composition_errors.IronicUnavailable(reason="its versions cannot be read")
        return proxy, version


def _new_connection(conf: cfg.ConfigOpts) -> connection.Connection:
    """Return a connection of openstacksdk that has contacted nobody."""
    group = options.GROUP
    try:
        auth = loading.load_auth_from_conf_options(conf, group)
    except exceptions.AuthPluginException as error:
        raise composition_errors.IronicNotConfigured(reason=f"[ironic] {str(error).rstrip('.')}") from None
    session = loading.load_session_from_conf_options(conf, group, auth=auth)
    # The options of the adapter, such as endpoint_override, are read from the group of the project's name.
    return connection.Connection(session=session, oslo_conf=conf, service_types={"baremetal"})


def hidden(text: str, values: typing.Any) -> str:
    """Return a text without the secrets of a request: the values of fields whose names say that they are."""
    for secret in sorted(_secrets(values), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(value: typing.Any, name: str = "") -> set[str]:
    """Return the texts in a document that are secret."""
    if isinstance(value, dict):
        return set().union(*(_secrets(each, f"{name} {key}") for key, each in value.items()))
    if isinstance(value, list):
        return set().union(*(_secrets(each, name) for each in value))
    return {str(value)} if value and _SECRET.search(name) else set()


def _kind(error: Exception) -> str:
    """Return what kind of failure it is, as words: ConnectTimeout is "connect timeout"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()


def _document(response: typing.Any) -> Document:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _message(response: typing.Any, values: Document | None) -> str:
    """Return what Ironic says of an error, without the secrets of the request."""
    if response.status_code < 400:
        return ""
    told = _document(response).get("error_message", "")
    with contextlib.suppress(ValueError):  # else it is the message itself
        told = json.loads(told) if isinstance(told, str) else told
    text = told.get("faultstring") if isinstance(told, dict) else told
    text = " ".join(str(text or response.reason or response.status_code).split())
    return hidden(text, values)[:LONGEST_MESSAGE].rstrip(".")
