# SPDX-License-Identifier: Apache-2.0
"""Introspection alone, at the root, for the operator's own WSGI server at the port of ironic-inspector.

``gunicorn --threads 16 --bind 192.0.2.1:5050 valence.wsgi.introspection:application``; see ``valence.wsgi.api``.
"""

import os

from valence.api.http import api_server
from valence.wsgi import building

application = api_server.Alone(building.build(os.environ, serves_introspection=True))
