# SPDX-License-Identifier: Apache-2.0
"""The REST API for a WSGI server of one's own: ``gunicorn --threads 16 valence.wsgi.api:application``.

The configuration is looked for as ``valence-api`` does; VALENCE_CONFIG_FILES names other files, separated by colons.
Import this in the process that serves: a connection to the bus does not survive a fork.
"""

import atexit
import os

from valence.api import app
from valence.common import config
from valence.common import messaging
from valence.common import rpc_client
from valence.conductor import client


def build(environment):
    """Return the application, connected to the bus; it is disconnected when the process ends."""
    files = [file for file in environment.get("VALENCE_CONFIG_FILES", "").split(":") if file]
    conf = config.load([], "valence-api", config_files=files or None)
    caller = rpc_client.Caller(conf, messaging.get_transport(conf))
    caller.start()
    built = app.create_app(conf, client.Conductor(caller))
    atexit.register(caller.stop)
    atexit.register(built.stop)
    return built


application = build(os.environ)
