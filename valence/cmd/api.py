# SPDX-License-Identifier: Apache-2.0
"""``valence-api``: the REST API in a process of its own; conductors answer it over the bus."""

import sys

from valence.api import app
from valence.api import server
from valence.api.introspection import port
from valence.cmd import process
from valence.common import config
from valence.common import messaging
from valence.common import rpc_client
from valence.conductor import client


@process.command
def main():
    """Serve until SIGTERM or SIGINT."""
    conf = config.load(sys.argv[1:], "valence-api")
    return process.run(conf, lambda: parts(conf))


def parts(conf):
    """Yield the parts of the process in the order to start them."""
    config.require_files(conf, "api")
    caller = rpc_client.Caller(conf, messaging.get_transport(conf))
    yield caller
    application = app.create_app(conf, client.Conductor(caller))
    yield from port.servers(conf, application)
    web = server.Server(conf, application)
    yield web
    print(f"Valence serves {web.url}", flush=True)
