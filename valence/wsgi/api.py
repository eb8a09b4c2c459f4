# SPDX-License-Identifier: Apache-2.0
"""The REST API for the operator's own WSGI server: ``gunicorn --threads 16 valence.wsgi.api:application``.

It finds its configuration as ``valence-api`` does; VALENCE_CONFIG_FILES names other files, separated by colons. Import
this module in the process that serves: a connection to the bus does not survive a fork.
"""

import os

from valence.wsgi import building

application = building.build(os.environ)
