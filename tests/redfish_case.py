# SPDX-License-Identifier: Apache-2.0
"""A Redfish service that answers as a case of ``tests/data/redfish-cases`` says (the README there has the format)."""

import base64
import contextlib
import datetime
import functools
import http.server
import json
import pathlib
import ssl
import threading
import urllib.parse

import fixtures
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

FOLDER = pathlib.Path(__file__).parent / "data" / "redfish-cases"
ROOTS = ("/redfish", "/redfish/v1")
SESSIONS = "/redfish/v1/SessionService/Sessions"
SUBSCRIPTIONS = "/redfish/v1/EventService/Subscriptions"
USERNAME, PASSWORD = "admin", "secret"
BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
#: what ``tls`` of a case may be, besides ``true`` -> the ciphers of the service, which then speaks TLS 1.2
CIPHERS = {"1.2-rsa": "AES128-SHA:AES256-SHA", "1.2-ecdhe-sha": "ECDHE-RSA-AES256-SHA:ECDHE-RSA-AES128-SHA"}


def error(status, message):
    """Return an answer with a Redfish error document."""
    return {"status": status, "json": {"error": {"code": "Base.1.18.1.GeneralError", "message": message}}}


class Case(fixtures.Fixture):
    """The service of a case, in its first phase, at ``url``; ``case`` is the document of the case."""

    def __init__(self, name, folder=FOLDER):
        super().__init__()
        self.case = json.loads(pathlib.Path(folder, name, "case.json").read_text())
        self.phase = 0
        self.sessions, self.subscriptions = {}, {}
        self.opened = self.subscribed = 0
        self.requests, self.posted = [], []
        self._auth = self.case.get("auth", {})
        self._lock, self._closed = threading.Lock(), threading.Event()

    def _setUp(self):
        server = _Server(("127.0.0.1", 0), functools.partial(_Handler, self))
        tls = self.case.get("tls")
        if tls:
            context = self._tls(tls)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        host = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        self.url = self.case.get("url", "{scheme}://127.0.0.1:{port}").format(
            scheme=host.partition(":")[0], port=server.server_port
        )
        self.addCleanup(server.server_close)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.addCleanup(self._closed.set)

    def answer(self, method, target, headers, body):
        """Return the answer to a request, as a mapping of the case's form."""
        with self._lock:
            self.requests.append(f"{method} {target}")
            return self._answer(method, target, headers, body)

    def wait(self, seconds):
        """Wait as an answer says, at most until the end of the test."""
        self._closed.wait(seconds)

    def fire(self, event):
        """Post an event to every subscriber."""
        body = event["raw"].encode() if "raw" in event else json.dumps(event["json"]).encode()
        headers = {"Content-Type": "application/json"} | event.get("headers", {})
        for subscription in list(self.subscriptions.values()):
            with contextlib.suppress(requests.RequestException):
                requests.post(subscription["Destination"], body, headers=headers, timeout=60, verify=False)

    def figures(self):
        """Return what a case may say of the service, by name."""
        return {
            "n": self.opened,
            "sessions": len(self.sessions),
            "nsubs": len(self.subscriptions),
            "subs": list(self.subscriptions),
            "posted": self.posted,
        }

    def _answer(self, method, target, headers, body):
        path = target.partition("?")[0].rstrip("/")
        scripted = self._scripted(method, target)
        if method == "POST":
            self.posted.append([target, body.decode(errors="replace"), dict(headers)])
        if path == SUBSCRIPTIONS and (method == "POST" or (method == "GET" and scripted is None)):
            return self._subscribe(body, scripted or {}) if method == "POST" else self._subscribers()
        if path.startswith(f"{SUBSCRIPTIONS}/") and method in ("GET", "DELETE"):
            return self._subscription(method, path)
        if method == "POST" and path.endswith(SESSIONS) and (scripted is None or "make_session" in scripted):
            return self._sign_in(body, scripted or {})
        if path not in ROOTS and not (scripted or {}).get("open") and not self._is_known(headers):
            return self._auth.get("refusal", error(401, "no session"))
        if method == "DELETE":
            self.sessions = {
                token: place for token, place in self.sessions.items() if not path.endswith(place)
            }
            return scripted or {"status": 204, "raw": ""}
        return self._in_turn(scripted) if scripted is not None else error(404, "there is nothing here")

    def _scripted(self, method, target):
        """Return what the case answers, None where it does not say; a later phase comes before an earlier one."""
        path = target.partition("?")[0]
        keys = [target, path] if self.case.get("slash") == "strict" else [target, path, path.rstrip("/")]
        keys += [urllib.parse.unquote(key) for key in keys]
        names = [name for key in keys for name in (f"{method} {key}", key) if name != key or method == "GET"]
        for phase in reversed(self.case["phases"][: self.phase + 1]):
            for name in names:
                if name in phase["tree"]:
                    return phase["tree"][name]
        return None

    def _in_turn(self, scripted):
        """Return an answer, or what comes after it was given as often as it says."""
        if "times" in scripted:
            scripted["times"] -= 1
            return scripted["then"] if scripted["times"] < 0 else scripted
        return scripted

    def _is_known(self, headers):
        mode = self._auth.get("mode", "any")
        by_session = mode != "basic-only" and headers.get("X-Auth-Token") in self.sessions
        by_password = mode != "session-only" and headers.get("Authorization") == BASIC
        return mode == "none" or by_session or by_password

    def _sign_in(self, body, scripted):
        wanted = _object(body)
        if self._auth.get("mode") == "basic-only":
            return error(404, "there are no sessions")
        if (wanted.get("UserName"), wanted.get("Password")) != (USERNAME, PASSWORD):
            return error(401, "refused")
        self.opened += 1
        place = f"{SESSIONS}/{self.opened}"
        self.sessions[f"token{self.opened}"] = place
        headers = {"X-Auth-Token": f"token{self.opened}", "Location": place}
        return _created(scripted, headers, {"@odata.id": place}, self.opened)

    def _subscribe(self, body, scripted):
        wanted, rules = _object(body), self.case.get("events", {})
        if len(self.subscriptions) >= rules.get("max", 1000):
            return error(503, "too many subscriptions")
        if rules.get("types") == ("unknown" if "EventTypes" in wanted else "required"):
            return error(400, "EventTypes")
        if set(wanted.get("EventTypes", [])) - set(rules.get("only_types", wanted.get("EventTypes", []))):
            return error(400, "EventTypes")
        self.subscribed += 1
        place = f"{SUBSCRIPTIONS}/{self.subscribed}"
        self.subscriptions[place] = wanted
        return _created(scripted, {"Location": place}, {"@odata.id": place}, self.subscribed)

    def _subscribers(self):
        form = self.case.get("events", {}).get("member", "{i}")
        members = [{"@odata.id": form.replace("{i}", place)} for place in self.subscriptions]
        named = "#EventDestinationCollection.EventDestinationCollection"
        return {
            "json": {
                "@odata.id": SUBSCRIPTIONS,
                "@odata.type": named,
                "Members@odata.count": len(members),
                "Members": members,
            }
        }

    def _subscription(self, method, path):
        if path not in self.subscriptions:
            return error(404, "there is no such subscription")
        if method == "DELETE":
            del self.subscriptions[path]
            return {"status": 204, "raw": ""}
        wanted = self.subscriptions[path]
        shown = {name: wanted.get(name) for name in ("Destination", "Context")}
        return {"json": {"@odata.id": path, "Id": path.rpartition("/")[2], "Protocol": "Redfish"} | shown}

    def _tls(self, form):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        context.load_cert_chain(_certificate(folder / "service.pem"))
        if form in CIPHERS:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(CIPHERS[form])
        return context


def _created(scripted, headers, document, number):
    """Return the answer to what made a session or a subscription, which the case may change."""
    changed = {
        name: value and value.replace("{n}", str(number))
        for name, value in scripted.get("headers", {}).items()
    }
    body = {name: scripted[name] for name in ("json", "raw") if name in scripted} or {"json": document}
    return {"status": scripted.get("status", 201), "headers": headers | changed} | body


def _object(body):
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _certificate(file):
    """Write a self-signed certificate with its RSA key, as old ciphers need it, and return the file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


class _Server(http.server.ThreadingHTTPServer):
    """A thread a connection; clients may go away as they like."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection of a Case."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30

    def __init__(self, case, *args):
        self.case = case
        super().__init__(*args)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.case.answer(self.command, self.path, self.headers, body)
        self.case.wait(answer.get("delay", 0))
        self._send(answer)

    do_POST = do_DELETE = do_PATCH = do_GET

    def _send(self, answer):
        body = answer["raw"].encode() if "raw" in answer else json.dumps(answer.get("json", {})).encode()
        headers = {"Content-Type": "application/json"} | answer.get("headers", {})
        status = answer.get("status", 200)
        if headers.get("ETag") and headers["ETag"] == self.headers.get("If-None-Match"):
            status, body = 304, b""
        self.send_response(status)
        for name, value in (headers | {"Content-Length": len(body)}).items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body[: answer.get("cut", len(body))])
        self.close_connection = self.close_connection or "cut" in answer

    def log_message(self, format, *args):
        pass
