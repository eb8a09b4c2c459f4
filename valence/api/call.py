# SPDX-License-Identifier: Apache-2.0
"""What a handler is given: one request, who asks, and whom to ask for the answer."""

import dataclasses
import typing

import flask

from valence.api import body
from valence.common import context
from valence.conductor import client


class Settings(typing.NamedTuple):
    """The options of [api] that requests need, read once: an option of oslo.config costs more than a field."""

    public_url: str | None
    max_limit: int
    default_limit: int
    max_json_depth: int
    max_json_values: int

    @property
    def limits(self) -> body.Limits:
        """What a JSON body may cost."""
        return body.Limits(self.max_json_depth, self.max_json_values)

    @classmethod
    def of(cls, conf):
        """Return the settings that ``conf`` holds."""
        return cls(**{name: getattr(conf.api, name) for name in cls._fields})


@dataclasses.dataclass(slots=True)
class Call:
    """One request on its way through the API."""

    http: flask.Request
    context: context.RequestContext
    conductor: client.Conductor
    settings: Settings
    services: typing.Any
    policy: typing.Any = None

    @property
    def base_url(self):
        """URL under which the client sees the API, without a slash at the end; empty if its Host is none."""
        seen = self.http.host and self.http.host_url
        return (self.settings.public_url or seen).rstrip("/")

    @property
    def raw_query(self):
        """The query of the URL as it was sent."""
        return self.http.environ.get("QUERY_STRING", "")

    def url(self, path):
        """Return the whole URL of ``path``."""
        return self.base_url + path
