# SPDX-License-Identifier: Apache-2.0
"""Who may come in: sessions with an idle time-out, and basic authentication."""

import base64
import dataclasses
import secrets
import time

from valence.simulator import redfish


@dataclasses.dataclass
class Session:
    id: str
    token: str
    used: float


class Sessions:
    """Knows the sessions of the one user of ``behaviour`` (``options.Behaviour``)."""

    def __init__(self, behaviour, clock=time.monotonic):
        self._behaviour = behaviour
        self._clock = clock
        self.set_password(behaviour.password)
        self.expire()

    def set_password(self, password):
        """Let only ``password`` in from now on; sessions that are open stay open."""
        self._password = password
        pair = f"{self._behaviour.username}:{password}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()

    def expire(self):
        """End every session."""
        self._by_token = {}
        self._by_id = {}
        self._last = getattr(self, "_last", 0)

    def check(self, headers):
        """Return when the request ``headers`` carry a live token or the password; else raise the 401."""
        token = headers.get("X-Auth-Token")
        if self._is_live(token) if token else headers.get("Authorization") == self._basic:
            return
        raise redfish.RedfishError(
            401,
            "NoValidSession",
            "There is no valid session established with the implementation.",
            WWW_Authenticate='Basic realm="Redfish"',
        )

    def create(self, username, password):
        if (username, password) != (self._behaviour.username, self._password):
            raise redfish.RedfishError(
                401, "ResourceAtUriUnauthorized", "The user name or the password is wrong."
            )
        self._last += 1
        session = Session(str(self._last), secrets.token_hex(16), self._clock())
        self._by_token[session.token] = self._by_id[session.id] = session
        return session

    def delete(self, session_id):
        session = self._by_id.pop(session_id)
        del self._by_token[session.token]

    def ids(self, pod):
        return tuple(self._by_id)

    def document(self, pod, session_id):
        return {"Name": f"Session {session_id}", "UserName": self._behaviour.username}

    def _is_live(self, token):
        session = self._by_token.get(token)
        if session is None:
            return False
        now = self._clock()
        if now - session.used > self._behaviour.session_seconds:
            self.delete(session.id)
            return False
        session.used = now
        return True
