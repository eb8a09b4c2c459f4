# SPDX-License-Identifier: Apache-2.0
"""The schema of SQL databases: migrations make what the models say, once, whoever runs them."""

import functools
import pathlib

import fixtures
import sqlalchemy
import testscenarios

from tests import base
from tests.contract import case
from tests.contract import databases
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.sql import tables

#: dialect -> how a long text was stored before version 0009
OLDER_TEXT = {
    "mysql": "ALTER TABLE backups MODIFY container LONGTEXT COLLATE utf8mb4_general_ci COMMENT ''",
    "postgresql": 'ALTER TABLE backups ALTER COLUMN container TYPE text COLLATE "default"',
}


class SchemaTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = databases.SQL

    def setUp(self):
        super().setUp()
        self.database = databases.of_own(self.driver)
        self.store = self.connect()

    def connect(self):
        connected = store.connect(self.database.conf, cipher=None)
        self.addCleanup(connected.close)
        return connected

    def execute(self, statement):
        self.store.connections.run(lambda connection: connection.execute(sqlalchemy.text(statement)))

    def test_migrations_make_what_the_models_say(self):
        self.store.schema.upgrade()
        self.assertEqual([], self.store.schema.differences())
        self.assertEqual(self.store.schema.head(), self.store.schema.version())

    def test_a_lacking_index_and_a_lacking_column_are_told(self):
        self.store.schema.upgrade()
        self.execute("ALTER TABLE events DROP COLUMN actor")
        names = {"mysql": "ix_events_object_id_uuid ON events"}
        self.execute(
            f"DROP INDEX {names.get(self.store.connections.engine.name, 'ix_events_object_id_uuid')}"
        )
        told = "\n".join(self.store.schema.differences())
        self.assertIn("actor", told)
        self.assertIn("ix_events_object_id_uuid", told)

    def test_several_upgrade_at_once(self):
        upgrades = [self.connect().schema.upgrade for _ in range(4)]
        self.assertEqual([None] * 4, case.together(*upgrades))
        self.assertEqual([], self.store.schema.differences())

    def test_an_empty_database_is_refused(self):
        error = self.assertRaises(errors.SchemaOutdated, self.store.schema.require)
        self.assertIn("valence-manage db upgrade", error.problems[0]["hint"])
        self.assertIsNone(self.store.schema.version())

    def test_the_newest_version_is_accepted(self):
        self.store.schema.upgrade()
        self.store.schema.require()

    def test_an_older_version_is_refused(self):
        self.store.schema.upgrade()
        self.execute("UPDATE alembic_version SET version_num = '0001'")
        error = self.assertRaises(errors.SchemaOutdated, self.store.schema.require)
        self.assertIn("0001", error.detail)

    def test_a_version_that_is_not_known_here_is_newer_and_accepted(self):
        self.store.schema.upgrade()
        self.execute("UPDATE alembic_version SET version_num = '9999'")
        self.store.schema.require()
        self.store.schema.upgrade()
        self.assertEqual("9999", self.store.schema.version())

    def test_an_older_conductor_may_leave_out_what_it_does_not_know(self):
        self.store.schema.upgrade()
        self.execute(
            "INSERT INTO pod_managers (uuid, name, url, created_at, updated_at, password) "
            "VALUES ('1', 'a', 'http://a', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '')"
        )
        found = self.store.get(models.PodManager, "1")
        given = {"uuid": "1", "name": "a", "url": "http://a"}
        expected = models.PodManager(**given, created_at=found.created_at, updated_at=found.updated_at)
        self.assertEqual(expected, found)

    def test_an_upgrade_lets_long_texts_compare_by_code_points(self):
        if (older := OLDER_TEXT.get(self.store.connections.engine.name)) is not None:
            self.store.schema._migration().upgrade("0008")
            self.execute(older)
        self.store.schema.upgrade()
        paths = ("/Etc", "/etc", "/etc ")
        backups = [models.Backup(id=f"p/{n}", project_id="p", container=path) for n, path in enumerate(paths)]
        self.store.commit(*map(store.Create, backups))
        found = self.store.list(models.Backup, filters=[store.Filter("container", "eq", "/etc")])
        self.assertEqual(["/etc"], [row.container for row in found])

    def test_every_table_of_mysql_keeps_references(self):
        self.store.schema.upgrade()
        for table in self.store.tables.metadata.tables.values():
            self.assertEqual("InnoDB", table.dialect_options["mysql"]["engine"])


class EtcdVersionTest(case.ContractCase):
    scenarios = databases.ETCD

    def test_an_older_version_is_refused(self):
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.schema.VERSIONS", ("0001", "0002")))
        error = self.assertRaises(errors.SchemaOutdated, self.store.schema.require)
        self.assertIn("0001", error.detail)


class RevisionTest(base.TestCase):
    """The migration for changed models."""

    def setUp(self):
        super().setUp()
        self.conf = databases.of_own("sqlite").conf
        self.connect().schema.upgrade()

    def connect(self, *invented):
        connected = databases.driver_of(*invented)(self.conf, cipher=None)
        self.addCleanup(connected.close)
        return connected

    def revise(self, *invented):
        return self.connect(*invented).schema.revise("What changed", self.make_folder()).read_text()

    def test_unchanged_models_need_none(self):
        self.assertIn("def upgrade():\n    pass", self.revise())

    def test_a_new_model_and_its_indexes_are_written(self):
        fields = {
            "uuid": types.UUID("Key.", key=True),
            "maybe": types.Text("Maybe.", default=None, index=True),
            "sure": types.Boolean("Sure.", default=True, index=True),
            "at": types.DateTime("When.", default=None),
        }
        model = type("Invented", (models.ModelBase,), {"path": "inventions", "fields": fields})
        text = self.revise(model)
        for part in (
            "rows.Words(255), nullable=True",
            "rows.Moment(), nullable=True",
            "server_default=sa.true()",
            "[rows.nulls_first('maybe', op), 'uuid']",
            "['sure', 'uuid']",
            '"""What changed."""',
        ):
            self.assertIn(part, text)
        compile(text, "migration", "exec")


def invent(**more):
    """Return an invented model with further fields, and one whose rows go with its rows."""
    fields = {"uuid": types.UUID("Key.", key=True), "name": types.Text("Name.", unique=True)} | more
    invention = type("Invention", (models.ModelBase,), {"path": "inventions", "fields": fields})
    parts = {
        "uuid": types.UUID("Key.", key=True),
        "invention_id": types.Reference("Its invention.", invention, on_delete="cascade"),
    }
    return invention, type("Part", (models.ModelBase,), {"path": "invention_parts", "fields": parts})


class AddedFieldsTest(testscenarios.WithScenarios, base.TestCase):
    """Fields of each kind that are added to a model whose table has rows."""

    scenarios = databases.SQL
    OLD = invent()
    NEW = invent(
        label=types.Text("Unique.", default=None, unique=True),
        owner=types.Reference("Owner.", models.PodManager, default=None, on_delete="cascade"),
        code=types.Secret("Secret.", default=""),
        extra=types.JSON("Object.", default={}),
        weight=types.Integer("Indexed.", default=7, index=True),
        story=types.Text("Long.", max=10000, default=""),
        tall=types.Boolean("Truth.", default=True),
        seen_at=types.DateTime("When.", default=None, index=True),
        size=types.Choice("Word.", ["small", "large"], default="small"),
    )

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.make_folder())
        sketch = self.prepare(databases.of_own("sqlite"))
        self.connect(sketch, self.NEW).schema.revise("Added", self.folder)
        self.database = self.prepare(databases.of_own(self.driver))

    def connect(self, database, invented):
        connected = databases.driver_of(*invented)(database.conf, cipher=None)
        self.addCleanup(connected.close)
        return connected

    def prepare(self, database):
        """Fill a database of the version before."""
        connected = self.connect(database, self.OLD)
        connected.schema.upgrade()
        connected.tables.metadata.create_all(connected.connections.engine)
        invention, part = self.OLD
        rows = [invention(uuid=str(number), name=f"n{number}") for number in range(9)]
        connected.commit(*map(store.Create, rows))
        connected.commit(*(store.Create(part(invention_id=row.uuid)) for row in rows))
        return database

    def upgraded(self):
        connected = self.connect(self.database, self.NEW)
        connected.schema.folders.append(self.folder)
        connected.schema.upgrade()
        return connected

    def test_rows_have_their_defaults_and_keep_what_refers_to_them(self):
        connected = self.upgraded()
        invention, part = self.NEW
        self.assertEqual([], connected.schema.differences())
        expected = [invention(uuid=str(number), name=f"n{number}") for number in range(9)]
        self.assertEqual(expected, connected.list(invention))
        self.assertEqual(9, connected.count(part))
        connected.commit(store.Delete(expected[0]), store.Update(expected[1], {"label": "a", "weight": 1}))
        self.assertEqual(8, connected.count(part))
        duplicate = store.Update(expected[2], {"label": "a"})
        self.assertRaises(errors.Duplicate, connected.commit, duplicate)
        stranger = store.Update(expected[2], {"owner": "nobody"})
        self.assertRaises(errors.NotFound, connected.commit, stranger)

    def test_an_upgrade_that_was_killed_is_repeated(self):
        connected = self.upgraded()
        engine = connected.connections.engine.name
        if engine == "mysql":  # the others undo the whole
            for statement in (
                "ALTER TABLE inventions DROP COLUMN size",
                "DROP INDEX ix_inventions_weight_uuid ON inventions",
                "UPDATE alembic_version SET version_num = '0001'",
            ):
                connected.connections.run(lambda connection, text=statement: connection.exec_driver_sql(text))
            connected.schema.upgrade()
        self.assertEqual([], connected.schema.differences())
        self.assertEqual(connected.schema.head(), connected.schema.version())


class TablesTest(base.TestCase):
    @functools.cached_property
    def tables(self):
        return tables.Tables("postgresql", models.STORED)

    def test_a_reference_cascades_or_restricts(self):
        (reference,) = self.tables[models.Resource].c.podm_id.foreign_keys
        self.assertEqual(("CASCADE", "pod_managers.uuid"), (reference.ondelete, reference.target_fullname))

    def test_names_fit_every_database(self):
        for table in self.tables.metadata.tables.values():
            for thing in (*table.indexes, *table.constraints):
                self.assertLess(len(thing.name or ""), 64)

    def test_documentation_is_there_for_whoever_looks_into_the_database(self):
        self.assertEqual("Its pod manager.", self.tables[models.Resource].c.podm_id.comment)
