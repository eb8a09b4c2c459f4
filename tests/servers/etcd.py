# SPDX-License-Identifier: Apache-2.0
"""A real etcd server, which has both its v2 and its v3 API."""

import os
import urllib.error
import urllib.request
import uuid

from tests.servers import server


class Etcd(server.Server):
    """One member that is a cluster alone; databases on it are folders of the v2 API."""

    port_names = ("port", "peer_port")
    scheme = "etcd"
    #: further options of the program
    options: tuple = ()

    def prepare(self):
        (self.folder / "data").mkdir(mode=0o700)

    @property
    def name(self):
        """Name of the member."""
        return "test"

    @property
    def peer(self):
        """Return the URL that other members use."""
        return f"http://127.0.0.1:{self.address['peer_port']}"

    @property
    def cluster(self):
        """Return names and URLs of all members, as etcd takes them."""
        return f"{self.name}={self.peer}"

    def spawn(self):
        self.spawn_process(
            "etcd",
            f"--name={self.name}",
            f"--data-dir={self.folder}/data",
            "--enable-v2",
            f"--listen-client-urls={self.endpoint}",
            f"--advertise-client-urls={self.endpoint}",
            f"--listen-peer-urls={self.peer}",
            f"--initial-advertise-peer-urls={self.peer}",
            f"--initial-cluster={self.cluster}",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=5m",
            "--log-level=error",
            *self.options,
        )

    @property
    def endpoint(self):
        """Return the URL that clients use."""
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.endpoint}/health", timeout=2) as answer:
                return b'"true"' in answer.read()
        except (urllib.error.URLError, OSError):
            return False

    def new_database(self):
        """Return the URL of an empty folder."""
        return f"{self.scheme}://127.0.0.1:{self.port}/valence_{uuid.uuid4().hex}"

    def ctl(self, *arguments):
        """Run ``etcdctl`` of the v3 API and return what it printed."""
        return self._run("3", *arguments)

    def ctl2(self, *arguments):
        """Run ``etcdctl`` of the v2 API and return what it printed."""
        return self._run("2", *arguments)

    def _run(self, version, *arguments):
        environment = {"ETCDCTL_API": version, "PATH": os.environ["PATH"]}
        return self.execute("etcdctl", f"--endpoints={self.endpoint}", *arguments, env=environment)


class Etcd3(Etcd):
    """One member; databases on it are prefixes of the v3 API."""

    scheme = "etcd3"
