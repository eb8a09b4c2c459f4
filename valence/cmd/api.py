# SPDX-License-Identifier: Apache-2.0
"""``valence-api``: the REST API in a process of its own; conductors answer it over the bus."""

from valence.cmd import process
from valence.common.configuration import config

EXAMPLES = """\
examples:
  with /etc/valence/valence.conf  valence-api
  with another file               valence-api --config-file ./valence.conf
  with more in the log            valence-api --debug
"""


@process.command(EXAMPLES)
def main(argv):
    """Serve until SIGTERM or SIGINT."""
    conf = config.load(argv, "valence-api")
    return process.run(conf, lambda: parts(conf))


def parts(conf):
    """Yield the parts of the process in the order to start them."""
    from valence.api.http import api_server  # noqa: PLC0415
    from valence.api.http import app  # noqa: PLC0415  --help need not wait for these
    from valence.bus import messaging  # noqa: PLC0415
    from valence.bus import rpc_client  # noqa: PLC0415
    from valence.conductor import client  # noqa: PLC0415

    config.require_files(conf, "api")
    caller = rpc_client.Caller(conf, messaging.get_transport(conf))
    yield caller
    application = app.create_app(conf, client.Conductor(caller))
    yield from api_server.servers(conf, application)
    web = api_server.Server(conf, application)
    yield web
    print(f"Valence serves {web.url}", flush=True)
