# SPDX-License-Identifier: Apache-2.0
"""The real servers that other tests rely on: they keep their data when they are killed, and leave nothing behind."""

import os
import pathlib
import signal
import subprocess
import sys

import kombu
import psutil
import sqlalchemy

from tests import base
from tests import servers


class PortTest(base.TestCase):
    def test_processes_that_run_side_by_side_never_get_the_same(self):
        code = "from tests.servers import ports\nfor _ in range(300): print(ports.free_port())"
        asking = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        given = [port for each in asking for port in each.communicate()[0].split()]
        self.assertEqual((1200, 1200), (len(given), len(set(given))))


class ServerTest(base.TestCase):
    time_limit = 180

    def test_rabbitmq_keeps_durable_messages_when_it_is_killed(self):
        broker = self.useFixture(servers.RabbitMQ())
        vhost = broker.add_vhost()
        with connection(broker, vhost) as channel:
            kombu.Queue("kept", durable=True, channel=channel.default_channel).declare()
            channel.Producer().publish({"number": 1}, routing_key="kept", delivery_mode="persistent")
        broker.kill()
        broker.start()
        with connection(broker, vhost) as channel:
            message = kombu.Queue("kept", channel=channel.default_channel).get()
            self.assertEqual({"number": 1}, message.payload)

    def test_mariadb_keeps_rows_when_it_is_killed(self):
        self.assert_keeps_rows(self.useFixture(servers.MariaDB()))

    def test_postgresql_keeps_rows_when_it_is_killed(self):
        self.assert_keeps_rows(self.useFixture(servers.PostgreSQL()))

    def assert_keeps_rows(self, server):
        engine = sqlalchemy.create_engine(server.new_database(), poolclass=sqlalchemy.NullPool)
        with engine.begin() as transaction:
            transaction.execute(sqlalchemy.text("CREATE TABLE kept (number INTEGER)"))
            transaction.execute(sqlalchemy.text("INSERT INTO kept VALUES (1)"))
        server.kill()
        server.start()
        with engine.connect() as reader:
            self.assertEqual([(1,)], reader.execute(sqlalchemy.text("SELECT number FROM kept")).all())

    def test_a_virtual_host_sees_nothing_of_another(self):
        broker = servers.rabbitmq()
        one, other = broker.add_vhost(), broker.add_vhost()
        with connection(broker, one) as channel:
            kombu.Queue("here", channel=channel.default_channel).declare()
        self.assertEqual([{"name": "here"}], broker.queues(one))
        self.assertEqual([], broker.queues(other))

    def test_servers_end_and_leave_no_folder_when_the_run_is_terminated(self):
        run = self.start_servers()
        run.send_signal(signal.SIGTERM)
        self.assertEqual(128 + signal.SIGTERM, run.wait(60))
        self.assert_gone(run)
        self.assertEqual([], list(run.folder.iterdir()))

    def test_servers_end_when_the_run_is_killed(self):
        run = self.start_servers()
        run.kill()
        run.wait(60)
        self.assert_gone(run)

    def start_servers(self):
        """Start the shared servers in a process of their own; it has ``folder`` and ``processes``, all its children."""
        folder = self.make_folder()
        folder.chmod(0o755)
        run = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", "--", "sh", "-c", "echo started; read end"],
            cwd=pathlib.Path(__file__).parents[2],
            env=os.environ | {"TMPDIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(run.__exit__, None, None, None)
        self.addCleanup(run.kill)
        while run.stdout.readline() != b"started\n":
            self.assertIsNone(run.poll(), "the servers did not start")
        run.folder = folder
        run.processes = psutil.Process(run.pid).children(recursive=True)
        return run

    def assert_gone(self, run):
        run.stdin.close()
        _, alive = psutil.wait_procs(run.processes, timeout=10)
        self.assertEqual([], alive)


def connection(broker, vhost):
    url = broker.url(vhost).replace("rabbit://", "pyamqp://")
    return kombu.Connection(url, transport_options={"confirm_publish": True})
