# SPDX-License-Identifier: Apache-2.0
"""What the command line says where a whole Valence refuses, is away, or is reached in another way."""

import bcrypt
import fixtures
import trustme

from tests import base
from tests import live
from tests.servers import ports
from tests.unit.client import console
from valence.api.http import api_server
from valence.api.http import app


class ErrorTest(base.TestCase):
    time_limit = 120

    def setUp(self):
        super().setUp()
        self.useFixture(console.QuietServers())
        self.site = self.useFixture(live.Site())
        self.shell = self.useFixture(console.Console())

    def serve(self, **options):
        """Start another API of the site, with options of [api], and return its URL."""
        conf = self.site.behind.conf
        for name, value in options.items():
            conf.set_override(name, value, None if name == "auth_strategy" else "api")
        server = api_server.Server(conf, app.create_app(conf, self.site.behind.client), port=0)
        server.start()
        self.addCleanup(server.stop)
        return server.url

    def run_at(self, url, *argv):
        return self.shell.run("--endpoint", url, *argv)

    def assert_error(self, part, *argv, url=None, code=1):
        """Check that a command fails with one line that has ``part``."""
        printed = self.run_at(url or self.site.client.url, *argv)
        self.assertEqual((code, "", 1), (printed.code, printed.out, printed.err.count("\n")), printed.err)
        self.assertIn(part, printed.err)

    def test_requests_that_are_refused(self):
        self.assert_error("There is no node nowhere. List the collection", "node", "show", "nowhere")
        self.assert_error("There is no machine nowhere. List them", "introspection", "show", "nowhere")
        self.assert_error("There is no job nowhere. List the jobs", "job", "report", "nowhere")
        self.assert_error("since: It is not a sequence number", "event", "list", "--since", "x")
        self.assert_error("jobs cannot be sorted by x. Correct the request", "job", "list", "--sort", "x")
        self.assertEqual(0, self.run_at(self.site.client.url, "flavor", "create", "large").code)
        self.assert_error("'large' exists already. Choose another name", "flavor", "create", "large")

    def test_what_somebody_else_changed(self):
        url = self.site.client.url
        self.assertEqual(0, self.run_at(url, "flavor", "create", "large").code)
        revision = self.run_at(url, "flavor", "show", "large", "-f", "value", "-c", "revision").out.strip()
        set_policy = ("flavor", "set", "large", "--policy", "pack", "--if-match", revision)
        self.assertEqual((0, "", ""), tuple(self.run_at(url, *set_policy)))
        self.assert_error("was changed by somebody else", *set_policy)
        self.assert_error(
            "was changed by somebody else", "flavor", "unset", "large", "--policy", "--if-match", '"x"'
        )
        shown = self.run_at(url, "flavor", "show", "large", "-f", "json").json
        self.assertEqual("pack", shown["policy"])

    def test_nothing_answers_or_something_else_does(self):
        url = f"http://127.0.0.1:{ports.free_port()}"
        self.assert_error(f"{url}/v1 cannot be reached", "node", "list", url=url)
        elsewhere = f"{self.site.client.url}/elsewhere"
        self.assert_error("There is nothing at /elsewhere/v1/nodes.", "node", "list", url=elsewhere)
        tls = self.site.client.url.replace("http:", "https:")
        self.assert_error("answers without TLS. Write http://", "node", "list", url=tls)

    def test_no_conductor_answers(self):
        self.site.behind.service.stop()
        self.assert_error("Try again in a few seconds.", "node", "list")

    def test_a_certificate_and_its_authority(self):
        folder, authority = self.make_folder(), trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        file = str(folder / "server.pem")
        url = self.serve(tls_cert_file=file, tls_key_file=file)
        self.assert_error("is refused: ", "node", "list", url=url)
        self.assertEqual(0, self.run_at(url, "--os-cacert", str(folder / "ca.pem"), "node", "list").code)
        self.assertEqual(0, self.run_at(url, "--insecure", "node", "list").code)

    def test_http_basic(self):
        file = self.make_folder() / "users"
        file.write_bytes(b"ann:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)) + b"\n")
        url = self.serve(auth_strategy="http_basic", http_basic_auth_user_file=str(file))
        user = ("--os-auth-type", "http_basic", "--os-username", "ann")
        self.assert_error("Send valid credentials.", "node", "list", url=url)
        self.assert_error("credentials", *user, "--os-password", "x", "node", "list", url=url)
        with fixtures.EnvironmentVariable("OS_PASSWORD", "secret"):
            self.assertEqual(0, self.run_at(url, *user, "node", "list").code)
            self.assert_error("Ask an operator", *user, "flavor", "create", "large", url=url)
