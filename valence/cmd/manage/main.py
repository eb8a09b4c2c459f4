# SPDX-License-Identifier: Apache-2.0
"""``valence-manage``: the database, its copy, the keys of its secrets, and what comes from elsewhere."""

import argparse
import contextlib
import tempfile

from oslo_config import cfg

from valence.cmd import process
from valence.cmd.manage import backup_import
from valence.cmd.manage import copy
from valence.common import secrets
from valence.common import words
from valence.common.configuration import config
from valence.db import options
from valence.db import store

COMMAND = "valence-manage"
EXAMPLES = """\
examples:
  keys, once                valence-manage secrets create
  a new database            valence-manage db upgrade
  before a new version      valence-manage db version
  with a new version        valence-manage db upgrade
  what an operator changed  valence-manage db check
  to another database       valence-manage db copy --to mysql+pymysql://valence:secret@db/valence
  a changed model           valence-manage db revision "Resources have a firmware version"
  a key became known        valence-manage secrets rotate
  first on one host         valence-manage secrets rotate --add-only
  with that key everywhere  valence-manage secrets rotate --encrypt-only
  a Freezer API before      valence-manage backup import-es --url http://10.0.0.7:9200 --default-project PROJECT
"""
KEYS_STAY = (
    "Old keys stay in the file. Remove them once every conductor was restarted and "
    "'valence-manage secrets rotate --encrypt-only' finds nothing more to do."
)


@process.command(EXAMPLES)
def main(argv, conf=cfg.CONF):
    """Run one command and return the exit code: 0 when it was done, 1 when it found something wrong."""
    command = cfg.SubCommandOpt("command", title="commands", handler=_add_commands)
    config.load(argv, "valence-manage", conf=conf, cli=[command])
    return conf.command.run(conf) or 0


def _add_commands(commands):
    database = _add(commands, "db", "the schema of the database").add_subparsers(required=True)
    _add(database, "upgrade", "bring the schema to the newest version; harmless when it is", upgrade)
    _add(database, "version", "print the version of the schema and the newest one", version)
    _add(
        database, "check", "compare the schema with what this version needs; exit code 1 if it differs", check
    )
    copy.add_arguments(_add(database, "copy", "copy everything to another database, of any kind", copy.run))
    revision = _add(database, "revision", "for developers: write a migration for changed models", revise)
    revision.add_argument("message", help="what the migration does, as the first line of its file")
    keys = _add(commands, "secrets", "the keys that passwords are encrypted with").add_subparsers(
        required=True
    )
    _add(keys, "create", "make the key file of a new installation", create_keys)
    rotation = _add(keys, "rotate", "add a new key and encrypt every secret with it", rotate)
    part = rotation.add_mutually_exclusive_group()
    part.add_argument("--add-only", action="store_true", help="add a new key, leave the secrets as they are")
    part.add_argument("--encrypt-only", action="store_true", help="encrypt with the newest key, add none")
    backup = _add(commands, "backup", "the backup service").add_subparsers(required=True)
    backup_import.add_arguments(
        _add(
            backup,
            "import-es",
            "import what a Freezer API kept in Elasticsearch; again changes nothing",
            import_es,
        )
    )


def _add(parsers, name, doc, run=None):
    shape = argparse.RawDescriptionHelpFormatter
    parser = parsers.add_parser(
        name, help=doc, description=doc, epilog=_examples(name), formatter_class=shape
    )
    if run:
        parser.set_defaults(run=run)
    return parser


def _examples(name):
    """Return the examples of a command."""
    title, *lines = EXAMPLES.splitlines()
    return "\n".join([title, *(line for line in lines if name in line.partition(COMMAND)[2].split())])


def upgrade(conf):
    """Bring the schema to the newest version."""
    with _database(conf) as database:
        before = database.schema.version()
        database.schema.upgrade()
        print(f"The schema has version {database.schema.version()}, before it had {before or 'none'}.")


def version(conf):
    """Print the version of the schema, and the newest one."""
    with _database(conf) as database:
        print(
            f"The schema has version {database.schema.version() or 'none'}, the newest is {database.schema.head()}."
        )


def check(conf):
    """Print what differs between the schema and what this version needs; return 1 if there is anything."""
    with _database(conf) as database:
        database.schema.require()
        differences = database.schema.differences()
    print("\n".join(differences) or "The schema is as it should be.")
    return 1 if differences else 0


def revise(conf):
    """Write a migration that brings the migrations so far to what the models say."""
    with tempfile.TemporaryDirectory() as folder:
        options.register(conf)
        conf.set_override("connection", f"sqlite:///{folder}/models.db", group="database")
        with _database(conf) as database:
            database.schema.upgrade()
            print(database.schema.revise(conf.command.message))


def create_keys(conf):
    """Make the key file."""
    path = secrets.key_file(conf)
    secrets.create(path)
    print(
        f"{path} has a new key. Copy it to every host that runs a conductor, and keep a copy in a safe place."
    )


def rotate(conf):
    """Add a key, encrypt every secret with it, or only one of the two."""
    path = secrets.key_file(conf)
    if not conf.command.encrypt_only:
        secrets.add_key(path)
        print(f"{path} has a new key; running conductors use it from now on.")
    if not conf.command.add_only:
        with _database(conf, secrets.load(conf)) as database:
            renewed = words.counted(database.renew_secrets(), "secret was", "secrets were")
            print(f"{renewed} encrypted again. {KEYS_STAY}")


def import_es(conf):
    """Import what a Freezer API kept in Elasticsearch."""
    with _database(conf) as database:
        database.schema.require()
        return backup_import.run(database, conf.command)


def _database(conf, cipher=None):
    return contextlib.closing(store.connect(conf, cipher))
