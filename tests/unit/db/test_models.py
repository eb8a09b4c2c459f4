# SPDX-License-Identifier: Apache-2.0
"""A changed model needs a new version: ``python -m tests.unit.db.test_models`` notes it down."""

import hashlib
import json
import pathlib

from tests import base
from valence.db import models
from valence.db import types

FILE = pathlib.Path(__file__).with_name("fingerprints.json")
MODELS = [model for model in map(models.__dict__.get, models.__all__) if getattr(model, "path", None)]
#: what conductors need not agree on: it is for readers
WORDING = {"doc", "example", "items"}


def fingerprint(model):
    """Return a digest of everything that conductors of two versions must agree on."""
    fields = {name: _describe(field) for name, field in model.fields.items()}
    form = {"path": model.path, "key": model.key, "fields": fields, "indexes": model.indexes}
    return hashlib.sha256(json.dumps(form, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _describe(field):
    said = {name: value for name, value in vars(field).items() if name not in WORDING}
    said["default"] = "required" if field.default is types.REQUIRED else field.default
    if isinstance(field, types.Reference):
        said["model"] = field.model.path
    return said | {"type": type(field).__name__}


def fingerprints():
    """Return version and digest of every model."""
    return {model.__name__: {"version": model.version, "fingerprint": fingerprint(model)} for model in MODELS}


class FingerprintTest(base.TestCase):
    def test_a_changed_model_has_a_new_version(self):
        noted = json.loads(FILE.read_text())
        for name, now in fingerprints().items():
            before = noted.get(name, now)
            if before["version"] == now["version"]:
                self.assertEqual(
                    before["fingerprint"], now["fingerprint"], f"{name} changed: give it a new version"
                )

    def test_every_version_is_noted(self):
        self.assertEqual(json.loads(FILE.read_text()), fingerprints(), f"run: python -m {__spec__.name}")

    def test_a_fingerprint_depends_on_form_and_not_on_wording(self):
        first, reworded, changed = (self.model(field) for field in self.FIELDS)
        self.assertEqual(fingerprint(first), fingerprint(reworded))
        self.assertNotEqual(fingerprint(first), fingerprint(changed))

    FIELDS = (types.Text("A name."), types.Text("The name.", example="x"), types.Text("A name.", max=64))

    def model(self, field):
        return type("Example", (models.ModelBase,), {"path": "examples", "fields": {"name": field}})


if __name__ == "__main__":
    FILE.write_text(json.dumps(fingerprints(), indent=2, sort_keys=True) + "\n")
