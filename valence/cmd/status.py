# SPDX-License-Identifier: Apache-2.0
"""``valence-status upgrade check``: whether this installation is ready for the version that is installed."""

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from valence.cmd import process
from valence.common import errors
from valence.common import secrets
from valence.common.configuration import config
from valence.db import store

EXAMPLES = """\
examples:
  before the new conductors start  valence-status upgrade check
  for a program                    valence-status upgrade check --json
  of another installation          valence-status --config-file ./valence.conf upgrade check
"""


class Checks(upgradecheck.UpgradeCommands):
    """What has to hold before the new conductors are started."""

    def _check_keys(self):
        return _outcome(lambda: secrets.load(cfg.CONF))

    def _check_schema(self):
        return _outcome(self._require_schema)

    def _require_schema(self):
        database = store.connect(cfg.CONF, cipher=None)
        try:
            database.schema.require()
        finally:
            database.close()

    _upgrade_checks = (("Keys of the secrets", _check_keys), ("Schema of the database", _check_schema))


@process.command(EXAMPLES)
def main(argv):
    """Run the checks; the exit code is 0 when all hold, 2 when one fails, 255 for an error."""
    config.register(cfg.CONF)
    config.check_command(argv, "valence")
    return upgradecheck.main(cfg.CONF, project="valence", upgrade_command=Checks(), argv=argv)


def _outcome(check):
    try:
        check()
    except errors.ValenceError as error:
        problem = error.problems[0]
        return upgradecheck.Result(upgradecheck.Code.FAILURE, f"{problem['detail']} {problem['hint']}")
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)
