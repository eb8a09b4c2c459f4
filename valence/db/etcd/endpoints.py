# SPDX-License-Identifier: Apache-2.0
"""The members of an etcd cluster: their addresses, sign-in and TLS, and errors. One is used as long as it answers."""

import dataclasses
import time
import typing
import urllib.parse

from oslo_config import cfg
from oslo_log import log

from valence.common import errors


class Lost(Exception):
    """etcd cannot be reached, has no leader, or did not answer: whether it did what was asked is not known."""


class Stale(Exception):
    """A snapshot cannot be read to its end: it was compacted, or changed where the API keeps no history."""


class Locked(Exception):
    """The session that was signed in is over."""


class Gone(Exception):
    """A key that was to be kept is not there: nothing of the transaction was stored."""


LOG = log.getLogger(__name__)

#: seconds that a request may take; etcd itself gives up after 7, and says why
ANSWER_SECONDS = 8
CONNECT_SECONDS = 1
#: seconds that a look whether etcd is there may take
HURRIED_SECONDS = 1.5
#: seconds that a call goes on trying, and pauses between two tries; the last one is repeated
PATIENCE = 1.0
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2)


AnyClient = typing.TypeVar("AnyClient")
Answer = typing.TypeVar("Answer")
#: host and port
Endpoint = tuple[str, int]


class Endpoints(typing.Generic[AnyClient]):
    """The clients of a cluster's members, for any number of threads."""

    def __init__(self, clients: typing.Sequence[AnyClient]) -> None:
        self._clients, self._present = clients, 0

    def ask(self, request: typing.Callable[[AnyClient], Answer]) -> Answer:
        """Return ``request(client)``, which may be asked several times; raise StoreUnavailable."""
        return self.ask_again(request)[0]

    def ask_again(self, request: typing.Callable[[AnyClient], Answer]) -> tuple[Answer, bool]:
        """Return ``request(client)``, and whether an earlier try was left without an answer."""
        deadline, tries = time.monotonic() + PATIENCE, 0
        while True:
            present = self._present
            try:
                return request(self._clients[present]), tries > 0
            except Lost as error:
                tries += 1
                self._present = (present + 1) % len(self._clients)
                if tries >= len(self._clients) and time.monotonic() > deadline:
                    raise errors.StoreUnavailable(reason=str(error)) from error
                LOG.debug("etcd: %s; trying again", error)
            time.sleep(PAUSES[min(tries, len(PAUSES)) - 1])

    def each(self, act: typing.Callable[[AnyClient], None]) -> None:
        """Call ``act(client)`` for every member."""
        for client in self._clients:
            act(client)

    def ask_once(self, request: typing.Callable[[AnyClient], Answer]) -> Answer:
        """Return ``request(client)`` of the first member that answers, each asked once; raise StoreUnavailable."""
        lost = Lost("no member is known")
        for number in range(len(self._clients)):
            try:
                return request(self._clients[(self._present + number) % len(self._clients)])
            except Lost as error:
                lost = error
        raise errors.StoreUnavailable(reason=str(lost)) from lost


PORT = 2379
#: what is probably wrong with a URL that cannot be read
QUOTING = "/, ?, #, [, ], @ and % in user and password are written as %2F, %3F, %23, %5B, %5D, %40 and %25"


@dataclasses.dataclass(frozen=True)
class Location:
    """``endpoints`` are (host, port) pairs, ``protocol`` is http or https; files of TLS are paths or None."""

    endpoints: tuple[Endpoint, ...]
    prefix: str = ""
    protocol: str = "http"
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


def locate(database: cfg.ConfigOpts.GroupAttr) -> Location:
    """Return the Location that the options say: ``etcd3://user:password@host:2379,host2:2379/prefix``.

    ``etcd3+https://`` asks for TLS, and so does a file of authorities.
    """
    parts = _split(database.connection)
    sign_in, _, hosts = parts.netloc.rpartition("@")
    user, _, password = sign_in.partition(":")
    is_safe = parts.scheme.endswith("+https") or database.etcd_ca_file
    return Location(
        endpoints=tuple(_endpoint(*each) for each in enumerate(hosts.split(","), 1)),
        prefix=urllib.parse.unquote(parts.path.strip("/")) or database.etcd_prefix,
        protocol="https" if is_safe else "http",
        user=urllib.parse.unquote(user) or None,
        password=urllib.parse.unquote(password) or None,
        ca_file=database.etcd_ca_file,
        cert_file=database.etcd_cert_file,
        key_file=database.etcd_key_file,
    )


def _split(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        if "@" not in parts.path + parts.query + parts.fragment:
            return parts
    except ValueError:
        pass
    raise errors.StoreUnavailable(reason=f"[database] connection is not a URL; {QUOTING}")


def _endpoint(number: int, text: str) -> Endpoint:
    try:
        parts = urllib.parse.urlsplit(f"//{text}")
        if parts.hostname:
            return parts.hostname, parts.port or PORT
    except ValueError:
        pass
    # The text is not shown: it may be a part of the password.
    reason = f"endpoint {number} in [database] connection is not a host with a port; {QUOTING}"
    raise errors.StoreUnavailable(reason=reason)
