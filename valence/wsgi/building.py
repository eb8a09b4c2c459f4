# SPDX-License-Identifier: Apache-2.0
"""Builds the API, connected to the bus, for the WSGI modules."""

import atexit

from oslo_log import log

from valence.api.http import app
from valence.bus import messaging
from valence.bus import rpc_client
from valence.common.configuration import config
from valence.conductor import client

LOG = log.getLogger(__name__)


def build(environment, *, serves_introspection=False):
    """Return the application, connected to the bus until the process ends.

    Log a warning if [api] introspection_port is set, unless the caller ``serves_introspection`` itself.
    """
    files = [file for file in environment.get("VALENCE_CONFIG_FILES", "").split(":") if file]
    conf = config.load([], "valence-api", config_files=files or None)
    port = conf.api.introspection_port
    if port is not None and not serves_introspection:
        LOG.warning(
            "[api] introspection_port = %s is not served here: a WSGI server chooses its ports itself. "
            "Serve valence.wsgi.introspection:application at that port.",
            port,
        )
    caller = rpc_client.Caller(conf, messaging.get_transport(conf))
    caller.start()
    built = app.create_app(conf, client.Conductor(caller))
    atexit.register(caller.stop)
    atexit.register(built.stop)
    return built
