# SPDX-License-Identifier: Apache-2.0
"""Whether a value of a file is the one that the API shows: the API stores URLs and requirements in a normal form."""

import ipaddress
import re
import socket
import typing
import urllib.parse

import urllib3

from valence.db import types

_PORTS = {"http": 80, "https": 443}
#: path of a service root, which a pod manager's URL may leave out
_ROOT = "/redfish/v1"
_NUMERIC_HOST = re.compile(r"[0-9a-fx.]+")
_DIGITS = re.compile("[0-9]{1,15}")
#: parts of requirements that the API stores as lists
_MANY = ("storage", "network", "accelerator")
#: kinds of devices of the first release's form, in lower case, that are media; the others are accelerators
_MEDIA = ("ssd", "hdd", "smr", "nvme")


def is_same(field: types.Field, wanted: typing.Any, actual: typing.Any) -> bool:
    """Tell whether the API would store ``wanted`` as ``actual``."""
    if isinstance(field, types.JSON):
        return _matches(_normal(wanted or {}), actual or {})
    if isinstance(field, types.Text) and field.format == "uri" and isinstance(actual, str):
        return _url(wanted) == _url(actual)
    return bool(wanted == actual)


def _normal(body: typing.Any) -> typing.Any:
    """Return the parts of requirements as the API stores them; numbers and texts stay as they are."""
    if not isinstance(body, dict):
        return body
    found: dict[str, typing.Any] = {}
    for name, value in body.items():
        if name == "pci_device" and isinstance(value, dict):
            kinds = value.get("type")
            for kind in kinds if isinstance(kinds, list) else [] if kinds is None else [kinds]:
                is_medium = str(kind).strip().lower() in _MEDIA
                part, field = ("storage", "media") if is_medium else ("accelerator", "type")
                found.setdefault(part, []).append({field: kind, "count": 1})
        elif name in _MANY and value is not None:
            items = value if isinstance(value, list) else [value]
            found.setdefault(name, []).extend(
                {"count": 1} | _fields(item) if isinstance(item, dict) else item for item in items
            )
        else:
            found[name] = _fields(value) if isinstance(value, dict) else value
    return {name: value for name, value in found.items() if value not in (None, {}, [])}


def _fields(part: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Return the fields of a part that have a value; a blank text is none."""
    return {name: value for name, value in part.items() if value is not None and str(value).strip()}


def _matches(wanted: typing.Any, actual: typing.Any) -> bool:
    """Compare requirements with stored ones: a number may be a text, and the case of texts does not matter."""
    if isinstance(actual, list):
        return isinstance(wanted, list) and len(wanted) == len(actual) and all(map(_matches, wanted, actual))
    if isinstance(actual, dict):
        return (
            isinstance(wanted, dict)
            and wanted.keys() == actual.keys()
            and all(_matches(wanted[name], actual[name]) for name in actual)
        )
    text = str(wanted).strip()
    if isinstance(actual, int):
        digits = text.removesuffix(".0")
        return bool(_DIGITS.fullmatch(digits)) and int(digits) == actual
    return text.lower() == str(actual).lower()


def _url(text: str) -> tuple[typing.Any, ...]:
    """Return what of a URL makes a difference; the API stores equal URLs in one canonical form."""
    try:
        parts = urllib3.util.parse_url(text)
    except urllib3.exceptions.LocationParseError:
        return (text,)  # which the API refuses with a reason
    path = re.sub("/{2,}", "/", (parts.path or "").rstrip("/") or _ROOT)
    port = parts.port or _PORTS.get(parts.scheme or "")
    return parts.scheme, _host(parts.host or ""), port, urllib.parse.quote(urllib.parse.unquote(path))


def _host(name: str) -> str:
    """Return a host in lower case without the dot at its end, and an address in its shortest form."""
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        name = name.rstrip(".").lower()
    else:
        return str(getattr(address, "ipv4_mapped", None) or address)
    try:
        return socket.inet_ntoa(socket.inet_aton(name)) if _NUMERIC_HOST.fullmatch(name) else name
    except OSError:
        return name
