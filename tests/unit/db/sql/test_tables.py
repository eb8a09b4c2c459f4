# SPDX-License-Identifier: Apache-2.0
"""Tables that the stores of a process share."""

from tests import base
from valence.db import models
from valence.db import types
from valence.db.sql import tables

FIELDS = {"uuid": types.UUID("Key.", key=True)}


class SharedTest(base.TestCase):
    def test_each_dialect_and_group_of_models_has_tables_of_its_own(self):
        invented = type("Invented", (models.ModelBase,), {"path": "inventions", "fields": FIELDS})
        ours = tables.shared("sqlite", models.STORED)
        self.assertIs(ours, tables.shared("sqlite", models.STORED))
        self.assertIsNot(ours, tables.shared("mysql", models.STORED))
        more = tables.shared("sqlite", (*models.STORED, invented))
        self.assertEqual("inventions", more[invented].name)
        self.assertNotIn("inventions", ours.metadata.tables)
        self.assertEqual({*models.STORED}, {*ours.models()})

    def test_a_model_that_others_may_not_have_gets_no_table(self):
        stranger = type("Stranger", (models.ModelBase,), {"path": "strangers", "fields": FIELDS})
        ours = tables.shared("sqlite", models.STORED)
        self.assertRaises(KeyError, ours.__getitem__, stranger)
        self.assertNotIn("strangers", ours.metadata.tables)

    def test_a_joined_model_is_a_join_of_the_tables(self):
        ours = tables.shared("sqlite", models.STORED)
        self.assertIs(ours[models.ResourceWithState], ours[models.ResourceWithState])
        self.assertIs(ours[models.Resource], ours.column(models.ResourceWithState, "uuid").table)
