# SPDX-License-Identifier: Apache-2.0
"""What the real Freezer API was recorded to answer, Valence answers too; what differs is listed with its reason."""

from keystonemiddleware import fixture

from tests import identity
from tests.functional import freezer_wire
from tests.unit.api import case

DEMO, ADMIN = "9749e89ecde5bae44093fad8dbf5cacc", "59b7a0752743616458507ade12c9bb70"
SERVICE, OTHER = "27797dc79958bdd50c84b0b06b05ffc7", "54da94b95fcf80efac70c8d9caa3cd20"
#: seconds between two exchanges: sessions are told to hold off for one
PAUSE = 2
#: who -> project, roles
PEOPLE = {
    "alice": (DEMO, ["member"]),
    "carol": (DEMO, ["reader"]),
    "nobody": (DEMO, []),
    "dave": (DEMO, ["member"]),
    "svc": (SERVICE, ["service"]),
    "freezer": (SERVICE, ["service", "member"]),
    "admin": (ADMIN, ["admin"]),
    "bob": (OTHER, ["member"]),
}
#: beginning of a label -> who was recorded
WHO = {
    "tenancy: other project": "bob",
    "policy: reader": "carol",
    "admin: ": "admin",
    "central: service role": "svc",
    "central: admin": "admin",
    "raw: admin GET": "admin",
    "raw:   now visible in admin project": "admin",
    "raw: bad token": "unknown",
    "v1: v1 tenancy is per USER": "dave",
} | {f"policy matrix: {name}@": name for name in PEOPLE}


def token_of(exchange):
    """Return who was recorded, whose name is the token too."""
    return next((name for start, name in WHO.items() if exchange.label.startswith(start)), "alice")


class FreezerWireTest(case.APITestCase):
    options = {"auth_strategy": "keystone"}
    time_limit = 120

    def setUp(self):
        super().setUp()
        tokens = self.useFixture(fixture.AuthTokenFixture())
        trusted = self.useFixture(identity.Identity(identity.User("valence", SERVICE, ("service",))))
        trusted.configure(self.conf, "valence")
        for name, (project, roles) in PEOPLE.items():
            tokens.add_token_data(
                token_id=name, user_id=f"id-of-{name}", user_name=name, project_id=project, role_list=roles
            )

    def send(self, method, path, token, headers, data):
        headers = headers | ({"X-Auth-Token": token} if token else {})
        return self.request(method, path, headers=headers, data=data)

    def replay(self, version):
        replay = freezer_wire.Replay(version, self.send, token_of)
        said = freezer_wire.exchanges(version)
        for exchange in said:
            replay.say(exchange)
            self.backend.ahead += PAUSE
        self.assertEqual([], replay.differences, "\n".join(replay.differences))
        self.assertEqual([], replay.unused())
        return len(said)

    def test_version_2(self):
        self.assertEqual(500, self.replay("v2"))

    def test_version_1(self):
        self.assertEqual(43, self.replay("v1"))
