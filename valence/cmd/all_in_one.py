# SPDX-License-Identifier: Apache-2.0
"""``valence-all-in-one``: API and conductor in one process, on SQLite and a bus inside the process.

The process locks its state folder, so that no second one writes there.
"""

import fcntl
import os
import pathlib
import shlex
import shutil
import sys

from oslo_config import cfg

from valence.client import URL
from valence.cmd import demo
from valence.cmd import process
from valence.common import errors
from valence.common import secrets
from valence.common.configuration import config

OPTIONS = [
    cfg.PortOpt("port", min=0, help="Port to listen on; short for [api] port."),
    cfg.StrOpt(
        "state-dir",
        dest="state_dir_given",
        help="Folder for database and keys; short for [DEFAULT] state_dir.",
    ),
    cfg.BoolOpt("demo", default=False, help="Start a simulated pod, register it, and store a flavor."),
]

EXAMPLES = """\
examples:
  with a simulated pod       valence-all-in-one --demo
  for pod managers of yours  valence-all-in-one
  beside another one         valence-all-in-one --port 8182 --state-dir /tmp/valence-2
"""

NEXT = """
Valence serves {url} and keeps its data in {folder}

  {url}/ui/                         the screen, for a browser

In another terminal:

{prepare}  valence pod manager list          where hardware is
  valence system list               what hardware there is
  valence device list               what machines can be composed of
{compose}  valence event follow              what changes, while it changes
  valence --help                    all commands

  curl {url}/v1/systems             the same by HTTP
  curl {url}/v1/openapi.json        all requests

Ctrl-C stops it; the README goes on from here.
"""
#: only the demo has the flavor
COMPOSE = """  valence node create web-1 --flavor gpu --wait
                                    compose a machine
"""


@process.command(EXAMPLES)
def main(argv):
    """Run everything until SIGTERM or SIGINT."""
    # The demo never reads the files in /etc/valence: they may name the database and the bus of a real site.
    is_demo = demo.is_asked_for(argv)
    conf = config.load(argv, "valence-all-in-one", cli=OPTIONS, system_files=not is_demo)
    conf.set_override("demo", is_demo)
    return process.run(conf, lambda: parts(conf))


def parts(conf):
    """Yield the parts of the process in the order to start them; each is started before the next is built."""
    from valence.api.http import api_server  # noqa: PLC0415
    from valence.api.http import app  # noqa: PLC0415  --help need not wait for these
    from valence.bus import messaging  # noqa: PLC0415
    from valence.bus import rpc_client  # noqa: PLC0415
    from valence.conductor import client  # noqa: PLC0415
    from valence.conductor import service  # noqa: PLC0415

    set_defaults(conf)
    if conf.demo:
        demo.require_own_site(conf)
    for group in ("api", "events"):
        config.require_files(conf, group)
    folder = StateDir(conf.state_dir)
    yield folder
    if conf.demo:
        demo.mark(folder.path)
    api_server.require_port(conf)
    prepare(conf)
    transport = messaging.get_transport(conf)
    yield service.Conductor(conf, transport)
    caller = rpc_client.Caller(conf, transport)
    yield caller
    conductor = client.Conductor(caller)
    application = app.create_app(conf, conductor)
    yield from api_server.servers(conf, application)
    web = api_server.Server(conf, application)
    yield web
    if conf.demo:
        caller.liveness.wait(10)
        yield demo.Demo(conductor, folder.path)
    print(banner(web.url, folder.path, is_demo=conf.demo), flush=True)


def banner(url, folder, *, is_demo):
    """Return what to do next; its commands can be copied into a shell."""
    programs, prepare = pathlib.Path(sys.argv[0]).absolute().parent, ""
    if shutil.which("valence") is None:
        prepare += f"  export PATH={shlex.quote(str(programs))}:$PATH\n"
    if url != URL:
        prepare += f"  export VALENCE_ENDPOINT={url}\n"
    compose = COMPOSE if is_demo else ""
    return NEXT.format(url=url, folder=folder, prepare=prepare, compose=compose)


def set_defaults(conf):
    """Let what was given on the command line win, and need nothing that has to be installed."""
    from valence.bus import messaging  # noqa: PLC0415  see parts

    if conf.state_dir_given:
        conf.set_override("state_dir", conf.state_dir_given)
    else:
        conf.set_default("state_dir", default_state_dir("valence-demo" if conf.demo else "valence"))
    if conf.port is not None:
        conf.set_override("port", conf.port, group="api")
    conf.set_default("auth_strategy", "noauth")
    messaging.set_local(conf)


def default_state_dir(name):
    """Return a folder in the user's folder for state, by the XDG base directory specification."""
    home = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state"
    return str(pathlib.Path(home) / name)


def prepare(conf):
    """Make keys and schema where they are missing."""
    from valence.db import store  # noqa: PLC0415  see parts

    keys = secrets.key_file(conf)
    if not keys.exists():
        secrets.create(keys)
    database = store.connect(conf, secrets.load(conf))
    database.schema.upgrade()
    database.close()


LOCK = "valence.lock"
#: the embedded database with its journals
DATABASE = "valence.db*"


class StateDir:
    """A folder that is locked from ``start`` to ``stop``; it is made, readable by its owner only."""

    def __init__(self, path):
        self.path = pathlib.Path(path).absolute()
        self._lock = None

    def start(self):
        """Take the folder; raise StateDirUnusable. A database that others may read, of a version before, is closed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            for file in self.path.glob(DATABASE):
                file.chmod(0o600)
        except OSError as error:
            raise errors.StateDirUnusable(path=str(self.path), reason=error.strerror) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise errors.StateDirUnusable(path=str(self.path), reason="another process uses it") from error

    def stop(self):
        """Give the folder to others."""
        os.close(self._lock)
