# SPDX-License-Identifier: Apache-2.0
"""What is done with the model of the guide: python example_driver.py --config-file FILE."""

import sys

from valence.common.configuration import config
from valence.db import store
from valence.db.models import ExampleModel


class ExampleDriver:
    """Gets and creates examples, on whatever database the store is."""

    def __init__(self, database):
        self.database = database

    def get_example_object(self, object_id):
        return self.database.get(ExampleModel, object_id)

    def create_example_object(self, values):
        [created] = self.database.commit(store.Create(ExampleModel(**values)))
        return created


def main():
    conf = config.load(sys.argv[1:], "example_driver")
    driver = ExampleDriver(store.connect(conf, cipher=None))
    driver.create_example_object({"uuid": "1", "name": "first"})
    print(driver.get_example_object("1").as_dict())


if __name__ == "__main__":
    main()
