# SPDX-License-Identifier: Apache-2.0
"""Where etcd is: endpoints, sign-in and TLS, from ``[database] connection`` and the etcd options beside it."""

import dataclasses
import urllib.parse

from valence.common import errors

PORT = 2379


@dataclasses.dataclass(frozen=True)
class Location:
    """``endpoints`` are (host, port) pairs, ``protocol`` is http or https; files of TLS are paths or None."""

    endpoints: tuple
    prefix: str = ""
    protocol: str = "http"
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


def locate(database):
    """Return the Location that the options say: ``etcd3://user:password@host:2379,host2:2379/prefix``.

    ``etcd3+https://`` asks for TLS, and so does a file of authorities.
    """
    parts = urllib.parse.urlsplit(database.connection)
    sign_in, _, hosts = parts.netloc.rpartition("@")
    user, _, password = sign_in.partition(":")
    is_safe = parts.scheme.endswith("+https") or database.etcd_ca_file
    return Location(
        endpoints=tuple(_endpoint(each) for each in hosts.split(",")),
        prefix=urllib.parse.unquote(parts.path.strip("/")) or database.etcd_prefix,
        protocol="https" if is_safe else "http",
        user=urllib.parse.unquote(user) or None,
        password=urllib.parse.unquote(password) or None,
        ca_file=database.etcd_ca_file,
        cert_file=database.etcd_cert_file,
        key_file=database.etcd_key_file,
    )


def _endpoint(text):
    try:
        parts = urllib.parse.urlsplit(f"//{text}")
        if parts.hostname:
            return parts.hostname, parts.port or PORT
    except ValueError:
        pass
    raise errors.StoreUnavailable(reason=f"{text!r} in [database] connection is not a host with a port")
