# SPDX-License-Identifier: Apache-2.0
"""A real RabbitMQ broker."""

import json
import os
import pathlib
import secrets
import subprocess
import uuid

import amqp

from tests.servers import server

HOME = pathlib.Path("/usr/lib/rabbitmq/lib")
NODE = "valence@localhost"
CONFIGURATION = """\
listeners.tcp.local = 127.0.0.1:{port}
disk_free_limit.absolute = 10MB
vm_memory_high_watermark.absolute = 512MiB
"""


class RabbitMQ(server.Server):
    """One broker without plugins, with a port mapper (epmd) of its own."""

    port_names = ("port", "distribution_port", "mapper_port")

    def prepare(self):
        (self.folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=self.port))
        (self.folder / "plugins").write_text("[].")
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)

    def spawn(self):
        mapper = ("epmd", "-address", "127.0.0.1", "-port", self.address["mapper_port"])
        self.spawn_process(*mapper)
        self.spawn_process(self._script("rabbitmq-server"), env=self._environment())

    def is_ready(self):
        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=1):
                return True
        except (OSError, amqp.AMQPError):
            return False

    def url(self, vhost="/"):
        """Return the transport URL of a virtual host."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}/{vhost.removeprefix('/')}"

    def add_vhost(self, name=None):
        """Make a virtual host that ``guest`` may use and return its name."""
        name = name or f"test-{uuid.uuid4().hex}"
        # Asked over Erlang's own protocol: 10 ms, where each run of rabbitmqctl takes half a second.
        self.evaluate(
            f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), '
            f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, '
            '<<".*">>, <<".*">>, <<".*">>, <<"tests">>).'
        )
        return name

    def evaluate(self, expression):
        """Evaluate an Erlang expression inside the broker and return the printed value."""
        node = f"127.0.0.1:{self.address['distribution_port']}"
        cookie = (self.folder / ".erlang.cookie").read_text()
        # Without a name of its own it has that of others who ask at this moment, and is refused.
        name = f"test{uuid.uuid4().hex}"
        done = subprocess.run(
            ["erl_call", "-address", node, "-h", name, "-c", cookie, "-e"],
            input=f"{expression}\n",
            text=True,
            capture_output=True,
        )
        if done.returncode or not done.stdout.startswith("{ok,"):
            raise server.ServerError(f"{expression} failed: {done.stdout}{done.stderr}")
        return done.stdout.removeprefix("{ok,").removesuffix("}").strip()

    def kill(self):
        """End the broker with SIGKILL, with everything on disk that it has acknowledged.

        Mnesia keeps the log of declared queues in memory for up to two seconds. A queue that was declared just before
        SIGKILL would be lost together with its confirmed messages, which no client can prevent or repair.
        """
        self.evaluate("mnesia:sync_log().")
        super().kill()

    def ctl(self, *arguments):
        """Run ``rabbitmqctl`` and return what it printed."""
        return self.execute(self._script("rabbitmqctl"), "--quiet", *arguments, env=self._environment())

    def queues(self, vhost="/", *columns):
        """Return one dict for each queue of a virtual host: its name and the given columns."""
        columns = ("name", *columns)
        return json.loads(self.ctl("list_queues", "--vhost", vhost, "--formatter", "json", *columns))

    def set_policy(self, name, pattern, definition, vhost="/"):
        """Apply a policy (a dict such as ``{"max-length": 10}``) to the queues whose names match."""
        self.ctl(
            "set_policy", "--vhost", vhost, "--apply-to", "queues", name, pattern, json.dumps(definition)
        )

    def _script(self, name):
        # Debian's wrapper in /usr/sbin insists on the system's own rabbitmq user and folders.
        return max(HOME.glob(f"rabbitmq_server-*/sbin/{name}"))

    def _environment(self):
        folder = str(self.folder)
        return {
            "HOME": folder,
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.address["mapper_port"]),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_DIST_PORT": str(self.address["distribution_port"]),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # Makes the start script become the broker instead of waiting for it, so that our pid is the broker's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
