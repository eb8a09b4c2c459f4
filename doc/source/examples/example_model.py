# SPDX-License-Identifier: Apache-2.0
"""The model of the guide for database development."""

from valence.db import types
from valence.db.models.base import ModelBase


class ExampleModel(ModelBase):
    # This is the table, or the etcd dir, the new model lives in
    path = "example_model"

    # The fields will be wrapped as a value for one object
    fields = {
        'uuid': {
            'validate': types.Text.validate
        },
        'name': {
            'validate': types.Text.validate
        },

    }  # fmt: skip
