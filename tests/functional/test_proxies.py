# SPDX-License-Identifier: Apache-2.0
"""The shipped configurations of reverse proxies, used by the real proxies: links, event streams, clients' addresses."""

import pathlib

import requests
import testscenarios
import trustme

from tests import base
from tests import deployment
from tests import process
from tests.servers import ports

SAMPLES = pathlib.Path(__file__).parents[2] / "etc" / "proxies"
NAME = "valence.example.org"
NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/responses;
    include {folder}/sample;
}}
"""
BELOW_A_PATH = (
    ('set $prefix "";', "set $prefix /valence;"),
    (
        "location / {\n        proxy_pass http://valence;",
        "location /valence/ {\n        proxy_pass http://valence/;",
    ),
)
VALENCE = f"""\
[DEFAULT]
auth_strategy = noauth
[api]
trusted_proxies = 127.0.0.1
allowed_hosts = {NAME}
"""
ACTIONS = [{"action": "fail", "message": "no"}]
#: seconds after which a line of a stream is late; nginx would keep it until its buffer is full
SOON = 10


class ProxiesTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        ("nginx", {"sample": "nginx.conf", "path": "", "changes": ()}),
        ("nginx-below-a-path", {"sample": "nginx.conf", "path": "/valence", "changes": BELOW_A_PATH}),
        ("haproxy", {"sample": "haproxy.cfg", "path": "", "changes": ()}),
    ]
    time_limit = 120

    def setUp(self):
        super().setUp()
        self.folder, self.port = self.make_folder(), ports.free_port()
        (self.folder / "valence.conf").write_text(VALENCE)
        self.valence = self.useFixture(
            deployment.AllInOne(self.folder, "--config-file", self.folder / "valence.conf")
        )
        self.write_certificate()
        self.write_sample()
        self.proxy = self.useFixture(process.Process(*self.command(), folder=self.folder, name="proxy"))
        self.url = f"https://127.0.0.1:{self.port}{self.path}"
        self.proxy.wait_until(lambda: self.status("/readyz") == 200)

    def write_certificate(self):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        issued = authority.issue_cert("127.0.0.1", NAME)
        issued.private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")

    def write_sample(self):
        """Write the sample with the addresses and files of this test in the place of its own."""
        text = (SAMPLES / self.sample).read_text()
        own = self.folder / "server.pem"
        for known, other in (
            *self.changes,
            ("127.0.0.1:8181", self.valence.client.url.removeprefix("http://")),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("bind 127.0.0.1:8443", f"bind 127.0.0.1:{self.port}"),
            ("/etc/ssl/certs/valence.pem", str(own)),
            ("/etc/ssl/private/valence.key", str(own)),
            ("/etc/haproxy/valence.pem", str(own)),
        ):
            text = text.replace(known, other)
        (self.folder / "sample").write_text(text)

    def command(self):
        if self.sample == "haproxy.cfg":
            return "/usr/sbin/haproxy", "-db", "-f", self.folder / "sample"
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder))
        return "/usr/sbin/nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"

    def request(self, method, path, headers=None, **options):
        """Return the response to a request that asks the proxy for the site by its name."""
        headers = {"Host": f"{NAME}:{self.port}"} | (headers or {})
        verify = str(self.folder / "ca.pem")
        return requests.request(
            method, f"{self.url}{path}", headers=headers, verify=verify, timeout=SOON, **options
        )

    def status(self, path):
        try:
            return self.request("GET", path).status_code
        except requests.ConnectionError:
            return None

    def register(self, name):
        about = {"name": name, "url": f"http://127.0.0.1:9/{name}/redfish/v1"}
        response = self.request("POST", "/v1/pod_managers", json=about)
        self.assertEqual(201, response.status_code, response.text)
        return response

    def test_a_site_behind_a_proxy(self):
        root = f"https://{NAME}:{self.port}{self.path}"
        location = self.register("a").headers["Location"]
        self.register("b")
        self.assertTrue(location.startswith(f"{root}/v1/"), location)
        page = self.request("GET", "/v1/pod_managers?limit=1").json()
        (following,) = [link["href"] for link in page["links"] if link["rel"] == "next"]
        self.assertTrue(following.startswith(f"{root}/v1/"), following)
        rule = self.request(
            "POST", "/introspection/v1/rules", json={"conditions": [], "actions": ACTIONS}
        ).json()
        self.assertEqual(f"{root}/introspection/v1/rules/{rule['uuid']}", rule["links"][0]["href"])
        with self.request("GET", "/v1/events?stream=true", stream=True) as stream:
            lines = stream.iter_lines(chunk_size=1)
            self.assertEqual(b"retry: 2000", next(lines))
            self.register("c")
            self.assertTrue(next(line for line in lines if line.startswith(b"data: ")))
        claimed = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "elsewhere.example.org"}
        self.assertEqual(200, self.request("GET", "/v1/pod_managers", claimed).status_code)
        unknown = self.request("GET", "/v1/pod_managers", {"Host": "elsewhere.example.org"})
        self.assertEqual(400, unknown.status_code, unknown.text)
