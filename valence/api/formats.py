# SPDX-License-Identifier: Apache-2.0
"""The formats of text that schemas name: what is accepted, and the one form in which it is kept.

Every function returns the kept form, or raises ValueError with a sentence for whoever sent the text.
"""

import datetime
import re
import urllib.parse

import jsonschema

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"[0-9A-Za-z._:%-]+")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def uuid_text(text):
    """Return a UUID in lower case."""
    if not _UUID.fullmatch(text):
        raise ValueError("It is not a UUID.")
    return text.lower()


def is_uuid(text):
    """Return whether ``text`` is a UUID in its usual form."""
    return bool(_UUID.fullmatch(text))


def timestamp(text):
    """Return a moment as ``2026-11-21T03:37:02Z``; one without a time zone is UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        moment = (
            moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)
        )
    except (ValueError, OverflowError):
        raise ValueError("It is not a time like 2026-11-21T03:37:02Z.") from None
    if moment.year < 1000:
        raise ValueError("It is a time before the year 1000.")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def uri(text):
    """Return an HTTP URL in one form: host in lower case, no slash at the end, no port that its scheme implies."""
    if _UNFIT.search(text):
        raise ValueError("It contains a space or another character that a URL cannot have.")
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("It is not a URL.") from None
    _check_parts(parts, host, port)
    return f"{parts.scheme}://{_place(host, port, parts.scheme)}{parts.path.rstrip('/')}"


def _check_parts(parts, host, port):
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("It does not begin with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("It contains credentials; give them in the fields username and password.")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError("It has no valid host.")
    if parts.query or parts.fragment:
        raise ValueError("It has a query or a fragment.")


def _place(host, port, scheme):
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, _DEFAULT_PORTS[scheme]) else f"{host}:{port}"


CHECKS = {"uuid": uuid_text, "date-time": timestamp, "uri": uri}


def checker():
    """Return the format checker for jsonschema."""
    formats = jsonschema.FormatChecker(formats=())
    for name, function in CHECKS.items():
        formats.checks(name, raises=ValueError)(_lenient(function))
    return formats


def _lenient(function):
    """Return a check that leaves what is not text to the schema's ``type``."""
    return lambda value: not isinstance(value, str) or bool(function(value))


def normal(schema, value):
    """Return ``value`` in the form in which it is kept."""
    check = CHECKS.get(schema.get("format"))
    return check(value) if check and isinstance(value, str) else value
