# SPDX-License-Identifier: Apache-2.0
"""The doctor finds each fault that is seeded on a host, and nothing else; nothing on a healthy one."""

import configparser
import contextlib
import datetime
import functools
import os
import pathlib
import tarfile
import tempfile
import time
import uuid

import fixtures
import sqlalchemy
from cryptography import fernet
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests import base
from tests import embedded
from tests.contract import databases
from tests.unit.client.commands.doctor import test_api
from tests.unit.client.commands.doctor import test_inventory
from valence import version
from valence.bus import inspection
from valence.client.commands.doctor import bundle
from valence.client.commands.doctor import checks
from valence.client.commands.doctor import report as reports
from valence.cmd.doctor import broker
from valence.cmd.doctor import configuration
from valence.cmd.doctor import database
from valence.cmd.doctor import files
from valence.cmd.doctor import host
from valence.common import secrets
from valence.common.configuration import config
from valence.db import models
from valence.db import store

PASSWORD = "planted-password"


@functools.cache
def filled():
    """Return an embedded database with a conductor and a pod manager, and the keys of its secrets, both as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        conf = databases.configuration(f"sqlite:///{folder}/valence.db", folder)
        pathlib.Path(folder, "valence.db").write_bytes(embedded.empty_database())
        rows = (
            models.Conductor(
                hostname="conductor-1", version=version.version_string(), conductor_groups=["default"]
            ),
            models.PodManager(
                uuid=str(uuid.UUID(int=1)),
                name="row-7",
                url="https://10.0.0.7/redfish/v1",
                password=PASSWORD,
                status="online",
            ),
        )
        with contextlib.closing(store.connect(conf, secrets.load(conf))) as opened:
            opened.commit(*map(store.Create, rows))
        return pathlib.Path(folder, "valence.db").read_bytes(), secrets.key_file(conf).read_bytes()


class Host(fixtures.Fixture):
    """A healthy host: a configuration file, keys, and an embedded database with a conductor and a pod manager."""

    def _setUp(self):
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.file = self.folder / "valence.conf"
        self.options = {
            "DEFAULT": {"state_dir": self.folder, "transport_url": "local://", "host": "conductor-1"},
            "notifications": {"enabled": "false"},
        }
        database, keys = filled()
        self.keys = self.folder / "secrets.keys"
        self.keys.write_bytes(keys)
        self.keys.chmod(0o600)
        (self.folder / "valence.db").write_bytes(database)
        self.write()

    def set(self, section, **values):
        """Set options of a section."""
        self.options.setdefault(section, {}).update(values)

    def write(self):
        """Write the configuration file, for its owner only."""
        writer = configparser.RawConfigParser(default_section=None)
        writer.read_dict(self.options)
        with open(self.file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
            writer.write(stream)

    def conf(self):
        """Return the configuration that the file gives."""
        self.write()
        return host.read([str(self.file)], configuration.examine(reports.Report(), [str(self.file)]))

    def examine(self, **keywords):
        """Return the report of the doctor."""
        report = reports.Report()
        host.examine(report, [str(self.file)], **keywords)
        return report

    def sql(self, statement):
        """Run a statement in the database."""
        engine = sqlalchemy.create_engine(
            f"sqlite:///{self.folder}/valence.db", poolclass=sqlalchemy.NullPool
        )
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))

    def certificate(self, days):
        """Serve the API with a certificate that ends after some days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "valence.test")])
        today = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(today - datetime.timedelta(days=90))
        made = builder.not_valid_after(today + datetime.timedelta(days=days)).sign(key, hashes.SHA256())
        encoding = serialization.Encoding.PEM
        private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / "api.pem").write_bytes(made.public_bytes(encoding) + private)
        (self.folder / "api.pem").chmod(0o600)
        self.set("api", tls_cert_file=self.folder / "api.pem", tls_key_file=self.folder / "api.pem")


def option(section, **values):
    """Return what sets options."""
    return lambda here: here.set(section, **values)


#: what the check of files finds, and what seeds it: no database is needed for these
FILES = (
    ("config.file", lambda here: here.file.write_text("[DEFAULT\n")),
    ("config.value", option("sync", interval="often")),
    ("config.option", option("sync", intervall=5)),
    ("config.section", option("syncc", interval=5)),
    ("config.deprecated", option("DEFAULT", rpc_thread_pool_size=5)),
    ("config.certificate", option("api", tls_cert_file="/no/such.pem")),
    ("files.certificate", lambda here: here.certificate(3)),
    ("files.certificate", lambda here: here.certificate(-3)),
    ("files.mode", lambda here: here.keys.chmod(0o620)),
    ("files.mode", lambda here: (here.certificate(90), (here.folder / "api.pem").chmod(0o644))),
    ("keys.unusable", lambda here: here.keys.unlink()),
    ("keys.unusable", lambda here: here.keys.write_text("no key\n")),
    ("keys.unusable", lambda here: here.keys.chmod(0o644)),
    ("disk.path", lambda here: here.set("DEFAULT", log_dir=here.folder / "missing")),
)


def other_keys(here):
    here.keys.write_bytes(fernet.Fernet.generate_key())


#: what the check of database and broker finds, and what seeds it
SERVERS = (
    ("config.database", option("database", connection="oracle://u:p@127.0.0.1/d")),
    ("conductors.none", lambda here: here.sql("UPDATE conductors SET alive = 0")),
    ("keys.mismatch", other_keys),
    ("database.unreachable", option("database", connection="mysql+pymysql://u:p@127.0.0.1:9/d")),
    ("database.schema", lambda here: here.sql("UPDATE alembic_version SET version_num = '0003'")),
    ("database.schema", lambda here: (here.folder / "valence.db").unlink()),
    ("database.newer", lambda here: here.sql("UPDATE alembic_version SET version_num = '9999'")),
    ("database.differs", lambda here: here.sql("ALTER TABLE sites ADD COLUMN mine INTEGER")),
    ("ironic.unusable", option("ironic", auth_type="none", endpoint_override="http://127.0.0.1:9")),
    ("ironic.unusable", option("ironic", auth_type="password")),
    ("bus.unreachable", option("DEFAULT", transport_url="rabbit://u:p@127.0.0.1:9/")),
    ("bus.url", option("DEFAULT", transport_url="rabbitt://u:p@127.0.0.1:9/")),
)


class FaultTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.host = self.useFixture(Host())

    def found(self, **keywords):
        """Return the checks that found something."""
        return [each.check for each in self.host.examine(**keywords).findings]

    def test_a_healthy_host_has_no_finding(self):
        self.host.certificate(90)
        report = self.host.examine()
        self.assertEqual(([], 0), (report.findings, report.exit_code))
        self.assertEqual([f"this host with {self.host.file}"], report.checked)

    def test_a_host_without_configuration_is_not_checked(self):
        self.useFixture(fixtures.MonkeyPatch("oslo_config.cfg.find_config_files", lambda *_: []))
        self.useFixture(fixtures.MonkeyPatch("oslo_config.cfg.find_config_dirs", lambda *_: []))
        report = reports.Report()
        host.examine(report)
        self.assertEqual(([], {}), (report.checked, report.documents))

    def test_named_folders_without_files(self):
        """The default files are not read instead."""
        default = fixtures.MonkeyPatch("oslo_config.cfg.find_config_files", lambda *_: [str(self.host.file)])
        self.useFixture(default)
        folder = self.make_folder()
        for named, text in ((f"{folder}/typo", "There is no folder"), (str(folder), "has no file")):
            report = reports.Report()
            host.examine(report, (), [named])
            self.assert_finds("config.file", report.findings)
            self.assertIn(text, report.findings[0].found)
            self.assertEqual([f"this host with {named}"], report.checked)
        host.examine(report, [str(self.host.file)], [f"{folder}/typo"])
        self.assertEqual(["config.file"] * 2, [each.check for each in report.findings])

    def assert_finds(self, check, found):
        self.assertEqual([check], [each.check for each in found], found)
        self.assertNotIn("{", found[0].command)

    def test_each_fault_of_files_is_found_and_nothing_else(self):
        for check, seed in FILES:
            here, report = self.useFixture(Host()), reports.Report()
            here.write()
            seed(here)
            if check != "config.file":
                here.write()
            examined = configuration.examine(report, [str(here.file)])
            if (conf := host.read([str(here.file)], examined)) is not None:
                files.examine(report, conf, examined)
            self.assert_finds(check, report.findings)

    def test_each_fault_of_servers_is_found_and_nothing_else(self):
        for check, seed in SERVERS:
            self.host = self.useFixture(Host())
            seed(self.host)
            self.host.write()
            self.assert_finds(check, self.host.examine().findings)

    def test_an_api_needs_neither_keys_nor_a_database(self):
        self.host.set("DEFAULT", transport_url="rabbit://u:p@127.0.0.1:9/", state_dir="/no/such")
        self.host.write()
        self.assertEqual(["bus.unreachable"], self.found())

    def test_an_all_in_one_with_the_state_folder_of_its_user(self):
        self.useFixture(fixtures.EnvironmentVariable("XDG_STATE_HOME", str(self.host.folder.parent)))
        del self.host.options["DEFAULT"]["state_dir"]
        conf = self.host.conf()
        self.assertEqual(self.host.folder.parent / "valence", pathlib.Path(conf.state_dir))

    def test_a_check_that_fails_stops_no_other(self):
        self.host.file.chmod(0o644)
        self.host.sql("DROP TABLE claims")
        found = self.found()
        self.assertEqual({"host.failed", "database.differs"}, set(found))

    def test_a_file_with_secrets_that_others_can_read(self):
        self.host.file.chmod(0o644)
        self.assertEqual([], self.found())
        self.host.set("swift", password=PASSWORD)
        self.host.write()
        self.host.file.chmod(0o644)
        self.assertEqual(["files.mode"], self.found())

    def test_clocks_that_differ(self):
        real = time.time
        self.useFixture(fixtures.MonkeyPatch("valence.cmd.doctor.database.time.time", lambda: real() + 30))
        self.assertIn("database.clock", self.found())


class FilesTest(base.TestCase):
    def test_a_disk_that_is_nearly_full(self):
        here = self.useFixture(Host())
        conf = here.conf()
        for free, expected in ((files.LITTLE, []), (files.LITTLE - 1, ["warning"]), (5, ["error"])):
            report = reports.Report()
            usage = type("Usage", (), {"free": free})
            files.examine_disk(report, conf, usage=lambda path, usage=usage: usage)
            self.assertEqual(expected, [each.severity for each in report.findings])

    def test_a_user_without_a_name(self):
        def refuse(number):
            raise KeyError(f"getpwuid(): uid not found: {number}")

        for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
            self.useFixture(fixtures.EnvironmentVariable(name))
        here, report = self.useFixture(Host()), reports.Report()
        conf = here.conf()
        self.useFixture(fixtures.MonkeyPatch("pwd.getpwuid", refuse))
        self.useFixture(fixtures.MonkeyPatch("os.access", lambda *_: False))
        files.examine_disk(report, conf)
        self.assertIn(f"The user {os.getuid()} cannot write", report.findings[0].found)

    def test_folders_of_files_that_are_stored(self):
        here = self.useFixture(Host())
        here.set("processing", storage_backend="file")
        conf = here.conf()
        self.assertEqual([here.folder, here.folder / "introspection"], files.folders(conf))


class DatabaseTest(base.TestCase):
    def test_columns_of_another_character_set(self):
        here = self.useFixture(Host())
        conf = here.conf()
        with contextlib.closing(store.connect(conf, secrets.Sealed())) as opened:
            self.assertEqual([], list(opened.schema.charsets()))
            opened.schema.charsets = lambda: [("nodes", "name", "latin1")]
            report = reports.Report()
            database._examine_schema(report, opened, is_sql=True)
        (finding,) = report.findings
        self.assertEqual("database.charset", finding.check)
        self.assertIn("ALTER TABLE nodes CONVERT TO CHARACTER SET utf8mb4", finding.command)


class BrokerTest(base.TestCase):
    def host(self, kind=None, name="127.0.0.1", is_tls=False):
        failure = inspection.Failure(kind, "refused") if kind else None
        return inspection.Host(name, 5672, "guest", "/row 7", is_tls, failure)

    def test_each_failure_has_its_command(self):
        for kind in broker.FOUND:
            report = reports.Report()
            broker.examine_host(report, self.host(kind), is_only=True, file="f")
            (finding,) = report.findings
            self.assertEqual(
                (f"bus.{kind}", "error", "refused"), (finding.check, finding.severity, finding.reason)
            )
            self.assertNotIn("{", finding.command)

    def test_a_host_of_several_is_a_warning(self):
        report = reports.Report()
        broker.examine_host(report, self.host("unreachable"), is_only=False, file="f")
        self.assertEqual(1, report.exit_code)

    def test_a_connection_without_tls(self):
        for name, is_tls, expected in (
            ("127.0.0.1", False, []),
            ("10.0.0.3", True, []),
            ("10.0.0.3", False, ["bus.plain"]),
        ):
            report = reports.Report()
            broker.examine_host(report, self.host(None, name, is_tls), is_only=True, file="f")
            self.assertEqual(expected, [each.check for each in report.findings])

    def test_messages_that_nobody_takes(self):
        for messages, consumers, is_of_calls, expected in (
            (0, 1, True, []),
            (5000, 1, False, []),
            (0, 0, True, ["bus.consumers"]),
            (10, 0, False, []),
            (1000, 0, False, ["bus.depth"]),
        ):
            report = reports.Report()
            broker.examine_queue(report, inspection.Queue("q", messages, consumers, is_of_calls), "/")
            self.assertEqual(expected, [each.check for each in report.findings])

    def test_conductors_on_another_virtual_host(self):
        report = reports.Report()
        broker.examine_calls(report, [])
        self.assertEqual([], report.findings)
        report.documents["conductors.json"] = [{"alive": True}]
        broker.examine_calls(report, [inspection.Queue(inspection.CALLS[0], 0, 1, True)])
        self.assertEqual([], report.findings)
        broker.examine_calls(report, [])
        self.assertEqual(["bus.consumers"], [each.check for each in report.findings])


class TableTest(base.TestCase):
    def test_every_check_has_a_fault(self):
        elsewhere = {"host.packages", "host.failed", "disk.space", "database.clock", "database.charset"}
        elsewhere |= {"bus.consumers", "bus.depth", "bus.plain", "bus.credentials", "bus.vhost", "bus.tls"}
        seeded = {check for check, _ in (*FILES, *SERVERS, *test_inventory.FAULTS, *test_api.FAULTS)}
        self.assertGreaterEqual(len(seeded), 40)
        self.assertEqual(set(checks.CHECKS), seeded | elsewhere)


class BundleTest(base.TestCase):
    def test_the_archive_has_no_secret(self):
        here = self.useFixture(Host())
        here.set("DEFAULT", pasword="planted-misspelt")
        url = "rabbit://u:planted-bus@127.0.0.1:9,u:planted%2Dsecond@127.0.0.1:10/"
        here.set("DEFAULT", transport_url=url)
        here.set("keystone_authtoken", auth_type="password", password="planted-keystone", username="valence")
        here.set("swift", password="planted-swift")
        planted = ("misspelt", "bus", "second", "keystone", "swift", "password")
        error = f"It refused {PASSWORD}, planted-swift and https://u:planted-url@10.0.0.7/."
        here.sql(f"UPDATE pod_managers SET last_error = '{error}', description = 'planted-second'")
        here.write()
        report = here.examine(recent=True)
        report.documents["more.json"] = {"password": "planted-field", "key": here.keys.read_text()}
        file = here.folder / "report.tar.gz"
        bundle.write(str(file), report)
        self.assertEqual(0o600, file.stat().st_mode & 0o777)
        texts = read(file)
        names = {"configuration.txt", "conductors.json", "events.json", "findings.json", "operations.json"}
        self.assertLessEqual(names | {"pod_managers.json", "versions.json", "checked.json"}, texts.keys())
        whole = "".join(texts.values())
        for each in (*planted, "url", "field"):
            self.assertNotIn(f"planted-{each}", whole)
        for line in here.keys.read_text().splitlines()[2:]:
            self.assertNotIn(line, whole)
        self.assertIn("transport_url = rabbit://***", texts["configuration.txt"])
        self.assertIn(f"state_dir = {here.folder}", texts["configuration.txt"])
        self.assertIn('"name": "row-7"', texts["pod_managers.json"])
        self.assertRaises(FileExistsError, bundle.write, str(file), report)

    def test_secrets_that_libraries_do_not_mark(self):
        here = self.useFixture(Host())
        here.set("oslo_messaging_kafka", ssl_client_key_password="planted-kafka")
        here.set("database", connection_parameters="charset=utf8mb4&password=planted-parameter")
        here.write()
        report = reports.Report()
        examined = configuration.examine(report, [str(here.file)])
        self.assertNotIn("planted", report.documents["configuration.txt"])
        self.assertEqual({"planted-kafka", "planted-parameter"}, report.secrets)
        self.assertEqual({str(here.file)}, examined.secret_files)

    def test_values_of_unknown_options_that_are_no_secrets(self):
        here = self.useFixture(Host())
        here.set("DEFAULT", use_keystone="true", key_timeout="86400")
        here.set("database", connection_parameters="charset=utf8mb4")
        here.write()
        report = reports.Report()
        examined = configuration.examine(report, [str(here.file)])
        self.assertEqual((set(), set()), (report.secrets, examined.secret_files))

    def test_configuration_without_comments(self):
        file = self.make_folder() / "valence.conf"
        file.write_text(
            "# password: planted\n[sync]\ninterval = 5\n[api]\npublic_url = https://u:planted@h/\n"
        )
        text = configuration.redacted(config.examine([str(file)]).options)
        expected = f"# {file}\n[sync]\ninterval = 5\n[api]\npublic_url = https://***@h/\n"
        self.assertEqual(expected, text)


def read(file):
    """Return the texts in an archive by the names of their files."""

    with tarfile.open(file) as archive:
        return {
            pathlib.PurePath(each.name).name: archive.extractfile(each).read().decode()
            for each in archive.getmembers()
        }
