# SPDX-License-Identifier: Apache-2.0
"""Why talking to a pod manager failed, in words that help; never with a secret in them."""

import errno
import http
import re
import socket
import ssl

from urllib3 import exceptions as urllib3_exceptions

from valence.podmanagers import redfish_json

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
    told = _told(body)
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
    told = _told(body)
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


def _told(body):
    """Return the message of a Redfish error document, None where there is none."""
    try:
        error = redfish_json.parse(body)["error"]
        return printable(error.get("message") or error.get("code") or "") or None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
