# SPDX-License-Identifier: Apache-2.0
"""A Keystone for tests: it gives tokens for passwords, tells whose they are, and keeps trusts."""

import http.server
import json
import typing
import uuid

from keystoneauth1 import loading

from tests import fake_service

EXPIRES = "2099-01-01T00:00:00.000000Z"
_DOMAIN = {"id": "default", "name": "Default"}


class User(typing.NamedTuple):
    """Somebody with roles in one project, whose id is its name; the password is the name again."""

    name: str
    project: str
    roles: tuple


class Identity(fake_service.FakeService):
    """Serves ``url``; ``catalog`` maps types of services to URLs."""

    def __init__(self, *users):
        super().__init__()
        self.users = {user.name: user for user in users}
        self.catalog, self.tokens, self.trusts = {}, {}, {}

    def _setUp(self):
        self.url = f"{self.serve(_Handler)}/v3"
        self.catalog["identity"] = self.url

    def configure(self, conf, name):
        """Let [keystone_authtoken] of ``conf`` sign in as a user."""
        conf.register_opts(loading.get_auth_plugin_conf_options("password"), group="keystone_authtoken")
        options = {"auth_type": "password", "auth_url": self.url, "username": name, "password": name}
        options |= {"user_domain_name": "Default", "project_domain_name": "Default"}
        for option, value in (options | {"project_name": self.users[name].project}).items():
            conf.set_override(option, value, group="keystone_authtoken")

    def environment(self, name):
        """Return the variables by which clients of OpenStack sign in as a user."""
        user = self.users[name]
        own = {"USERNAME": name, "PASSWORD": name, "PROJECT_NAME": user.project, "AUTH_URL": self.url}
        own |= {"USER_DOMAIN_NAME": "Default", "PROJECT_DOMAIN_NAME": "Default", "IDENTITY_API_VERSION": "3"}
        return {f"OS_{each}": value for each, value in own.items()}

    def sign_in(self, name, password):
        """Return a new token and what it says, None for a wrong password."""
        user = self.users.get(name)
        if user is None or password != name:
            return None
        token = uuid.uuid4().hex
        self.tokens[token] = {
            "methods": ["password"],
            "user": {"id": user.name, "name": user.name, "domain": _DOMAIN},
            "project": {"id": user.project, "name": user.project, "domain": _DOMAIN},
            "roles": [{"id": role, "name": role} for role in user.roles],
            "catalog": [self._service(kind, url) for kind, url in self.catalog.items()],
            "expires_at": EXPIRES,
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "audit_ids": [token],
            "is_domain": False,
        }
        return token

    def trust(self, told):
        """Store a trust and return it."""
        trust = told | {"id": uuid.uuid4().hex}
        self.trusts[trust["id"]] = trust
        return trust

    def _service(self, kind, url):
        endpoints = [
            {
                "id": f"{kind}-{interface}",
                "interface": interface,
                "url": url,
                "region": "RegionOne",
                "region_id": "RegionOne",
            }
            for interface in ("public", "internal", "admin")
        ]
        return {"id": kind, "type": kind, "name": kind, "endpoints": endpoints}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    identity: Identity

    def do_GET(self):
        path = self.path.partition("?")[0].rstrip("/")
        if path in ("", "/v3"):
            version = {
                "id": "v3.14",
                "status": "stable",
                "links": [{"rel": "self", "href": self.service.url}],
            }
            self._answer(200, {"version": version} if path else {"versions": {"values": [version]}})
        elif path == "/v3/auth/tokens":
            self._tell_token(self.headers.get("X-Subject-Token"))
        elif path == "/v3/OS-TRUST/trusts":
            self._answer(200, {"trusts": list(self.service.trusts.values())})
        else:
            self._answer(404, {"error": {"code": 404, "message": path}})

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v3/OS-TRUST/trusts":
            self._answer(201, {"trust": self.service.trust(told["trust"])})
            return
        user = told["auth"]["identity"].get("password", {}).get("user", {})
        token = self.service.sign_in(user.get("name") or user.get("id"), user.get("password"))
        if token:
            self._answer(201, {"token": self.service.tokens[token]}, {"X-Subject-Token": token})
        else:
            self._answer(401, {"error": {"code": 401, "title": "Unauthorized", "message": "wrong password"}})

    def do_DELETE(self):
        gone = self.service.trusts.pop(self.path.rpartition("/")[2], None)
        self._answer(204 if gone else 404, None)

    def _tell_token(self, token):
        if token in self.service.tokens:
            self._answer(200, {"token": self.service.tokens[token]}, {"X-Subject-Token": token})
        else:
            self._answer(404, {"error": {"code": 404, "message": "no such token"}})

    def _answer(self, status, document, headers=None):
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": len(data),
            **(headers or {}),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Say nothing."""
