# SPDX-License-Identifier: Apache-2.0
"""What the declarative tests of the API run against: an API over the conductor's endpoints and SQLite."""

import pathlib
import tempfile

from gabbi import fixture

from tests.unit.api import case
from valence.api.http import app
from valence.db import models
from valence.db import store

KINDS = ("System", "System", "System", "Rack", "Drive")


class API(fixture.GabbiFixture):
    """An API without anything in its store; ``application`` is the one of the file that runs now."""

    application = None

    def start_fixture(self):
        self._folder = tempfile.TemporaryDirectory()
        conf = case.configuration(pathlib.Path(self._folder.name))
        self.backend = case.Backend(conf)
        self.backend.setUp()
        API.application = app.create_app(conf, self.backend.conductor)

    def stop_fixture(self):
        API.application.stop()
        self.backend.cleanUp()
        self._folder.cleanup()


def current(environ, start_response):
    """Be the application of the file that runs now: tests are made before any application."""
    # gabbi invents a host name for each file; the API serves its own names only.
    return API.application(environ | {"HTTP_HOST": "localhost"}, start_response)


class Inventory(API):
    """An API with a pod manager that is away, and what was seen of its hardware."""

    def start_fixture(self):
        super().start_fixture()
        pod_manager = models.PodManager(name="row-7", url="http://127.0.0.1:9/redfish/v1")
        rows = [
            models.Resource(
                podm_id=pod_manager.uuid, resource_url=f"/redfish/v1/{number}", resource_type=kind
            )
            for number, kind in enumerate(KINDS)
        ]
        states = [
            models.ResourceState(
                uuid=row.uuid, name=row.resource_type, health="OK", state="Enabled", power_state="On"
            )
            for row in rows
        ]
        self.backend.store.commit(*map(store.Create, [pod_manager, *rows, *states]))
