# SPDX-License-Identifier: Apache-2.0
"""Where a Redfish service is, and which links stay on it."""

import urllib.parse

import urllib3

from valence.common import errors

_PORTS = {"http": 80, "https": 443}


class Paths:
    """The paths of the service at ``url``. ``origin`` is its scheme, host and port, ``root`` its root's path."""

    def __init__(self, url):
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
        self.root = f"{(place.path or '').rstrip('/') or '/redfish/v1'}/"

    def local(self, url):
        """Return the path of a URL, absolute or not, of this service; None of one that leads elsewhere."""
        if "//" in url.split("?")[0]:
            url = self._without_origin(url)
        if not url or not url.startswith("/") or url.startswith("//") or "\\" in url or not url.isprintable():
            return None
        steps = urllib.parse.unquote(urllib.parse.unquote(url)).split("?")[0].split("/")
        return None if ".." in steps else url

    def link(self, url):
        """Return the same without a slash at its end: the form by which resources are known."""
        path = self.local(url)
        return path and (path.rstrip("/") or "/")

    def _without_origin(self, url):
        try:
            place = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            return None
        port = place.port or _PORTS.get(place.scheme)
        return (
            place.request_uri
            if (place.scheme, place.host, port) == (self.scheme, self.host, self.port)
            else None
        )
