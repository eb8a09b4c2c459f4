# SPDX-License-Identifier: Apache-2.0
"""``valence-conductor``: owns the database and the connections to pod managers; run as many as wanted."""

import sys

from valence.cmd import process
from valence.common import config
from valence.conductor import service


@process.command
def main():
    """Run a conductor until SIGTERM or SIGINT."""
    conf = config.load(sys.argv[1:], "valence-conductor")
    return process.run(conf, lambda: parts(conf))


def parts(conf):
    """Yield the only part of the process."""
    config.require_files(conf, "events")
    yield service.Conductor(conf)
