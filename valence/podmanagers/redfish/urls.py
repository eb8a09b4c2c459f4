# SPDX-License-Identifier: Apache-2.0
"""The URL of a Redfish service in one form, and the paths of links and Locations on that service.

Services write links in many forms: with the host name by which they know themselves, without a leading slash, relative
to a collection. Every request goes to the registered host, so only the path of a link is used, never its host.
"""

import ipaddress
import re
import socket
import urllib.parse

import urllib3

from valence.common import errors

_PORTS = {"http": 80, "https": 443}
#: path of the service root where a URL names none (DSP0266, section 6.2)
ROOT = "/redfish/v1"
_ABSOLUTE = re.compile("https?://", re.IGNORECASE)
_NUMERIC_HOST = re.compile(r"[0-9a-fx.]+")


class Paths:
    """The paths of the service at ``url``. ``origin`` is its scheme, host and port, ``root`` its root's path."""

    def __init__(self, url: str):
        try:
            place = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            place = urllib3.util.Url()
        if place.scheme not in _PORTS or not place.host:
            raise errors.PodManagerError(url="?", reason="its URL is not one of http or https")
        self.scheme, self.host = place.scheme, place.host
        self.port = place.port or _PORTS[place.scheme]
        self.origin = urllib3.util.Url(place.scheme, None, place.host, place.port).url
        self.url = place._replace(auth=None).url
        #: whether a link of the service had a slash at its end
        self.writes_slashes = False
        self.root = f"{(place.path or '').rstrip('/') or ROOT}/"
        #: the paths at which the service root may be: some services know only one of them
        self.roots = self.root, self.root.rstrip("/")

    def local(self, url: str | None) -> str | None:
        """Return the path of a link on this service; None if it is no usable path.

        An absolute URL is reduced to its path: behind address translation a service names itself by a host that is
        not the registered one. One of a foreign host must lead below the service root.
        """
        if not url or not url.isprintable() or "\\" in url:
            return None
        if _ABSOLUTE.match(url):
            url = self._without_origin(url)
        elif url.startswith(self.root[1:]):
            url = f"/{url}"
        if not url or not url.startswith("/") or url.startswith("//"):
            return None
        steps = urllib.parse.unquote(urllib.parse.unquote(url)).split("?")[0].split("/")
        return None if ".." in steps else url

    def link(self, url: str | None) -> str | None:
        """Return the same without a slash at its end: the form by which resources are known."""
        path = self.local(url)
        if path and path.endswith("/"):
            self.writes_slashes = True
            return path.rstrip("/") or "/"
        return path

    def member(self, collection: str, url: object) -> str | None:
        """Return the path of a Location or link that must lead below a collection's path; None if it does not.

        A relative one counts from the collection or, as RFC 3986 has it, from the folder of the collection.
        """
        if not isinstance(url, str) or not url:
            return None
        collection = collection.partition("?")[0].rstrip("/")
        candidates = [url] if _ABSOLUTE.match(url) or url.startswith("/") else self._relative(collection, url)
        for candidate in candidates:
            path = self.local(candidate)
            if path and normal(path).startswith(f"{normal(collection)}/"):
                return path
        return None

    def _relative(self, collection, url):
        return [url, urllib.parse.urljoin(collection, url), urllib.parse.urljoin(f"{collection}/", url)]

    def _without_origin(self, url):
        """Return the path and query of an absolute URL, None if that of a foreign host is not below the root."""
        try:
            place = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            return None
        port = place.port or _PORTS.get(place.scheme)
        path = place.request_uri + (f"#{place.fragment}" if place.fragment else "")
        own = (place.scheme, place.host, port) == (self.scheme, self.host, self.port)
        return path if own or f"{place.path}/".startswith(self.root) else None


class Slashes:
    """The form in which a service knows its paths: with a slash at the end or without; some know only one."""

    def __init__(self, paths: Paths):
        self._paths = paths
        self._with = None  # None until a document was read

    def form(self, path: str) -> str:
        """Return a path in the form to try first."""
        return toggled(path) if self._with and not path.partition("?")[0].endswith("/") else path

    def may_be_other(self) -> bool:
        """Return whether the other form is worth a request after a 404."""
        return self._with is not False or self._paths.writes_slashes

    def learn(self, path: str):
        """Note a path at which a document was read."""
        self._with = path.partition("?")[0].endswith("/")


def normal(path: str) -> str:
    """Return the form in which two paths of one service are compared: unquoted, without a slash at the end."""
    return urllib.parse.unquote(path.partition("#")[0]).rstrip("/")


def toggled(path: str) -> str:
    """Return the other form of a path: with a slash at its end if it has none, else without."""
    path, mark, query = path.partition("?")
    return (path.rstrip("/") if path.endswith("/") else f"{path}/") + mark + query


def canonical(url: str) -> str:
    """Return the URL of a Redfish service in the one form in which it is compared and stored.

    The scheme and host are in lower case, an address is in its shortest form, the scheme's own port, dot segments and
    slashes at the end are gone, and the path of the root is there. Raises PodManagerError.
    """
    paths = Paths(url)
    path = urllib.parse.quote(urllib.parse.unquote(re.sub("/{2,}", "/", paths.root).rstrip("/")))
    port = None if paths.port == _PORTS[paths.scheme] else paths.port
    return urllib3.util.Url(paths.scheme, None, _canonical_host(paths.host), port, path).url


def spellings(url: str) -> list[str]:
    """Return the canonical form of a URL, then the forms in which older versions of Valence stored it.

    Those are the URL as it was given, and its canonical form without the usual root. Raises PodManagerError.
    """
    stored = canonical(url)
    return list(dict.fromkeys([stored, stored.removesuffix(ROOT), url]))


def _canonical_host(host):
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host if host.startswith("[") else _canonical_name(host)
    address = getattr(address, "ipv4_mapped", None) or address
    if getattr(address, "scope_id", None):
        return host
    return f"[{address}]" if address.version == 6 else str(address)


def _canonical_name(name):
    """Return a host name without the dot at its end; a number that stands for an address (``127.1``) as that."""
    name = name.rstrip(".").lower()
    try:
        return socket.inet_ntoa(socket.inet_aton(name)) if _NUMERIC_HOST.fullmatch(name) else name
    except OSError:
        return name
