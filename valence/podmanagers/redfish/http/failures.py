# SPDX-License-Identifier: Apache-2.0
"""Explain why a request to a pod manager failed, without secrets, and read JSON so that only ValueError is raised."""

import errno
import http
import json
import re
import socket
import ssl

from urllib3 import exceptions as urllib3_exceptions

_BY_NUMBER = {
    errno.ECONNREFUSED: "the connection was refused; nothing listens on that port",
    errno.EHOSTUNREACH: "there is no route to the host",
    errno.ENETUNREACH: "the network is unreachable",
}


def caused_by(error, kind):
    """Return the error of this kind among those that ``error`` was raised from, None where there is none."""
    return next((each for each in _chain(error) if isinstance(each, kind)), None)


def connection_reason(error, connect_timeout, read_timeout):
    """Return why a request got no answer; times are in seconds."""
    for each in _chain(error):
        if getattr(each, "errno", None) in _BY_NUMBER:
            return _BY_NUMBER[each.errno]
    for kind, reason in _REASONS:
        cause = caused_by(error, kind)
        if cause is not None:
            return reason.format(cause=cause, connect_timeout=connect_timeout, read_timeout=read_timeout)
    return f"the connection was cut ({type(_chain(error)[-1]).__name__})"


def status_reason(status, body=b""):
    """Return what an HTTP error answer says: its status and the message of its Redfish error document."""
    try:
        phrase = f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    told = text_of(messages_of(body))
    return f"it answers {phrase} ({told})" if told else f"it answers {phrase}"


def not_json_reason(content_type, body):
    """Return what is wrong with an answer that is no JSON object."""
    media_type = printable(content_type or "").partition(";")[0].strip().lower()
    if not body:
        return "it answers with an empty document"
    if media_type and "json" not in media_type:
        return f"it answers with {media_type} instead of JSON; is this a Redfish service?"
    return "it answers with something that is not a JSON object"


def no_resource_reason(body):
    """Return what is wrong with an answer of success whose JSON object is no resource, or not one alone."""
    told = text_of(messages_of(body))
    if told:
        return f"it answers with an error in spite of its status 200 OK ({told})"
    return "it answers with no Redfish resource: @odata.id and @odata.type are missing, or it has an error"


def printable(text):
    """Return what a pod manager says as it can stand in a message: one short line of ASCII."""
    return re.sub(r"[^ -~]+", " ", str(text)).strip()[:200]


#: kind of error -> reason; the first that is among the causes tells
_REASONS = (
    (
        (urllib3_exceptions.NameResolutionError, socket.gaierror),
        "its host name is not known; check the URL and the name service",
    ),
    (
        ssl.SSLCertVerificationError,
        "its TLS certificate was not accepted ({cause.verify_message}); set verify_ca to a file with its authority, "
        'or to "false" to accept any',
    ),
    (
        urllib3_exceptions.NewConnectionError,
        "no connection could be made",
    ),
    (
        urllib3_exceptions.ConnectTimeoutError,
        "no connection within {connect_timeout} s",
    ),
    (
        (TimeoutError, urllib3_exceptions.TimeoutError),
        "no complete answer in time, which is {connect_timeout} s for a connection and {read_timeout} s for an answer",
    ),
    (
        urllib3_exceptions.EmptyPoolError,
        "it is busy with other requests of Valence",
    ),
    (
        ssl.SSLEOFError,
        "the connection was cut",
    ),
    (
        ssl.SSLError,
        "TLS failed ({cause.reason}); check the scheme and the port of the URL; a controller that knows only old "
        'protocols or ciphers needs tls to be "legacy"',
    ),
)


#: messages of an answer that are repeated in an error, and bytes of a plain text that may be one
_MOST_MESSAGES, _LONGEST_TEXT = 3, 1024


def _chain(error):
    """Return an error and those that it was raised from, outermost first."""
    found = []
    waiting = [error]
    while waiting and len(found) < 20:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]
    return found


def messages(document: object) -> list[tuple[str, str]]:
    """Return the messages of a JSON value as (MessageId, text), either of which may be empty.

    Services put them into a Redfish error, a task, ``{"Error": text}``, or send a bare text.
    """
    if isinstance(document, str):
        return [("", document)] if document else []
    if not isinstance(document, dict):
        return []
    error = document.get("error", document.get("Error", document))
    if not isinstance(error, dict):
        return messages(error) if isinstance(error, str) else []
    listed = error.get("@Message.ExtendedInfo") or document.get("Messages")
    found = [_message(each, "MessageId", "Message") for each in listed] if isinstance(listed, list) else []
    return list(filter(any, found)) or list(filter(any, [_message(error, "code", "message")]))


def messages_of(body: bytes) -> list[tuple[str, str]]:
    """Return the messages of the body of an answer, which may be a plain text, but not a web page."""
    try:
        return messages(parse(body))
    except ValueError:
        text = printable(body.decode(errors="replace"))
        return [("", text)] if text and "<" not in text and len(body) <= _LONGEST_TEXT else []


def text_of(found: list[tuple[str, str]]) -> str | None:
    """Return what the first messages say in one line, None where there are none."""
    texts = [printable(text or name) for name, text in found]
    return "; ".join(dict.fromkeys(filter(None, texts[:_MOST_MESSAGES]))) or None


def _message(item, name, text):
    item = item if isinstance(item, dict) else {}
    values = (item.get(name), item.get(text))
    return tuple(value if isinstance(value, str) else "" for value in values)


#: digits of an integer beyond which it is read as a float: Python refuses to convert some thousands
_MOST_DIGITS = 18


def parse(text: bytes | str) -> object:
    """Return the value of a JSON text; NaN and infinite numbers, which are no JSON but are sent, are None.

    Raises ValueError.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(text, parse_constant=_nothing, parse_float=_number, parse_int=_integer)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def parse_object(text: bytes | str) -> dict | None:
    """Return the object that a JSON text is, None if it is anything else."""
    try:
        value = parse(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _nothing(_):
    return None


def _number(text):
    value = float(text)
    return value if value - value == 0 else None  # 1e999 is infinite


def _integer(text):
    return int(text) if len(text) <= _MOST_DIGITS else _number(text)
