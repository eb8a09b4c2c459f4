# SPDX-License-Identifier: Apache-2.0
"""The WSGI modules, as a web server of the operator's choice loads them."""

import os
import subprocess
import sys

from tests import base

#: what a WSGI server does with both modules
PROCESS = """
from werkzeug import test
from valence.wsgi import api, introspection
for application in (api.application, introspection.application):
    client = test.Client(application)
    print([client.get(path).status_code for path in ("/", "/v1/openapi.json", "/introspection/")])
"""


class BuildingTest(base.TestCase):
    def test_introspection_is_served_alone_and_a_port_that_is_not_served_is_told(self):
        folder = self.make_folder()
        configuration = folder / "valence.conf"
        configuration.write_text(
            f"[DEFAULT]\nstate_dir = {folder}\nauth_strategy = noauth\ntransport_url = local:///{folder}\n"
            "[api]\nintrospection_port = 5050\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", PROCESS],
            env=os.environ | {"VALENCE_CONFIG_FILES": str(configuration)},
            capture_output=True,
            text=True,
            timeout=50,
        )
        printed = ended.stdout + ended.stderr
        statuses = [line for line in ended.stdout.splitlines() if line.startswith("[")]
        self.assertEqual(["[200, 200, 200]", "[200, 404, 404]"], statuses, printed)
        self.assertEqual(1, printed.count("introspection_port = 5050 is not served here"), printed)
        self.assertIn("valence.wsgi.introspection:application", printed)
