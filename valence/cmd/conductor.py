# SPDX-License-Identifier: Apache-2.0
"""``valence-conductor``: owns the database and the connections to pod managers; run as many as wanted."""

from valence.cmd import process
from valence.common.configuration import config

EXAMPLES = """\
examples:
  with /etc/valence/valence.conf  valence-conductor
  with another file               valence-conductor --config-file ./valence.conf
  with more in the log            valence-conductor --debug
"""


@process.command(EXAMPLES)
def main(argv):
    """Run a conductor until SIGTERM or SIGINT."""
    conf = config.load(argv, "valence-conductor")
    return process.run(conf, lambda: parts(conf))


def parts(conf):
    """Yield the only part of the process."""
    from valence.conductor import service  # noqa: PLC0415  --help need not wait for it

    config.require_files(conf, "events")
    yield service.Conductor(conf)
