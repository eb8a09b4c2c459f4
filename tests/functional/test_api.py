# SPDX-License-Identifier: Apache-2.0
"""The behaviour of the API over HTTP, said in YAML: one file a subject, one test a request."""

import pathlib

from gabbi import driver

from tests.functional import api_fixtures

FILES = pathlib.Path(__file__).parent / "gabbits"


def load_tests(loader, tests, pattern):
    """Return a test for every request of every file; unittest asks for them."""
    return driver.build_tests(
        str(FILES),
        loader,
        intercept=lambda: api_fixtures.current,
        test_loader_name=__name__,
        fixture_module=api_fixtures,
    )
