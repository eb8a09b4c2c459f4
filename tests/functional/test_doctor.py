# SPDX-License-Identifier: Apache-2.0
"""The doctor on a site with a real broker and a real database: nothing while it is healthy, and faults of both."""

import contextlib
import datetime

import kombu
import sqlalchemy

from tests import base
from tests import deployment
from tests import embedded
from tests import servers
from tests.unit.client import console
from valence.client.commands.doctor import report as reports
from valence.cmd.doctor import host
from valence.db import types


class DoctorTest(base.TestCase):
    time_limit = 180

    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod(systems=2)).simulator
        self.site = self.useFixture(deployment.Deployment(options={"notifications": {"enabled": "true"}}))
        for file in self.site.folder.glob("*.conf"):
            file.chmod(0o600)
        access = {"username": "admin", "password": "password"}
        self.site.register("row-7", f"{self.pod.url}/redfish/v1", **access)
        self.wait_for(lambda: self.site.client.rows("/v1/systems"), timeout=60)

    def found(self, *instead, options=""):
        """Return the checks that find something, with other texts in the configuration file."""
        text = self.site.configuration.read_text()
        for old, new in instead:
            self.assertIn(old, text)
            text = text.replace(old, new)
        file = self.site.folder / "doctor.conf"
        file.write_text(f"{text}\n{options}")
        file.chmod(0o600)
        report = reports.Report()
        host.examine(report, [str(file)])
        return [each.check for each in report.findings]

    def sql(self, *statements):
        """Run statements in the database."""
        engine = sqlalchemy.create_engine(self.site.database_url, poolclass=sqlalchemy.NullPool)
        with contextlib.closing(engine.connect()) as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))
            connection.commit()

    def test_a_healthy_site_and_each_fault_of_its_servers(self):
        self.assertEqual([], self.found())
        shell = self.useFixture(console.Console())
        printed = shell.run("--endpoint", self.site.client.url, "doctor", "-f", "json")
        self.assertEqual((0, [], ""), (printed.code, printed.json, printed.err))

        url = self.site.transport_url
        vhost = url.rpartition("/")[2]
        self.assertEqual(["bus.credentials"], self.found(("guest:guest@", "guest:wrong@")))
        self.assertEqual(["bus.vhost"], self.found((vhost, "elsewhere")))
        self.assertEqual(["bus.tls"], self.found(options="[oslo_messaging_rabbit]\nssl = true\n"))
        other = deployment.own_virtual_host()
        self.assertEqual(["bus.consumers"], self.found((url, other)))
        with kombu.Connection(servers.rabbitmq().url(vhost).replace("rabbit:", "amqp:")) as connection:
            name = "nobody_reads.info"
            queue = kombu.Queue(name, durable=True, channel=connection.default_channel)
            queue.declare()
            for number in range(1000):
                connection.Producer().publish(number, routing_key=name)
            self.wait_for(lambda: queue.queue_declare(passive=True).message_count == 1000)
        self.assertEqual(["bus.depth"], self.found(options="[notifications]\ntopic = nobody_reads\n"))

        database = self.site.database_url
        self.assertEqual(["database.unreachable"], self.found((database, f"{database}_missing")))
        self.assertEqual(
            ["database.unreachable"], self.found(("mysql+pymysql://", "mysql+pymysql://nobody:wrong-"))
        )
        self.sql("ALTER TABLE flavors MODIFY description TEXT CHARACTER SET latin1")
        self.assertEqual({"database.charset"}, set(self.found()) - {"database.differs"})
        self.sql("ALTER TABLE flavors MODIFY description TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        self.site.conductor.kill()
        late = types.moment(datetime.datetime.now(datetime.UTC).timestamp() - 300)
        self.sql(f"UPDATE conductors SET heartbeat_at = '{late.rstrip('Z').replace('T', ' ')}'")
        self.assertIn("conductors.silent", self.found())
