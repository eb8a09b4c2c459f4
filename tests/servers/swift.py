# SPDX-License-Identifier: Apache-2.0
"""A real OpenStack Swift: proxy, object, container and account server, with memcached for the tokens of tempauth."""

import itertools
import pathlib
import socket
import sys
import urllib.error
import urllib.request

from tests.servers import server

BIN = pathlib.Path(sys.executable).parent
SWIFT = """\
[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests
[storage-policy:0]
name = Policy-0
default = yes
"""
COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/node
mount_check = false
disable_fallocate = true
log_level = WARNING
"""
BACKEND = """\
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
recon_cache_path = {folder}/cache
"""
#: makes the rings of a folder, each of one device: swift-ring-builder does it with three processes a ring
RINGS = """\
import sys
from swift.common.ring import RingBuilder
folder, *servers = sys.argv[1:]
for kind, port in zip(servers[::2], servers[1::2]):
    builder = RingBuilder(6, 1, 1)
    device = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1}
    builder.add_dev(device)
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
"""
#: its time-outs are long: after some that a busy machine did not keep, the only device would be left out for a minute
PROXY = """\
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
conn_timeout = 20
node_timeout = 30
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
connect_timeout = 20
pool_timeout = 20
io_timeout = 20
error_suppression_limit = 1000000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
token_life = 86400
"""


class Swift(server.Server):
    """One device, one replica; the user ``test:tester`` with the key ``testing`` owns everything."""

    port_names = ("port", "object", "container", "account", "memcached")

    @property
    def auth_url(self):
        return f"http://127.0.0.1:{self.port}/auth/v1.0"

    def prepare(self):
        for name in ("node/d1", "cache"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "swift.conf").write_text(SWIFT)
        for kind in ("account", "container", "object"):
            self._configure(kind, self.address[kind], BACKEND)
        self._configure("proxy", self.port, PROXY)
        servers = [(kind, self.address[kind]) for kind in ("account", "container", "object")]
        self.execute(sys.executable, "-c", RINGS, self.folder, *itertools.chain.from_iterable(servers))

    def spawn(self):
        user = ("-u", self.run_as())
        self.spawn_process("memcached", "-l", "127.0.0.1", "-p", self.address["memcached"], "-m", "16", *user)
        for kind in ("account", "container", "object", "proxy"):
            self.spawn_process(BIN / f"swift-{kind}-server", self.folder / f"{kind}-server.conf", "-v")

    def is_ready(self):
        # The proxy says that it is well before the others listen.
        return all(self._listens(self.address[name]) for name in self.port_names) and self._is_well()

    def options(self):
        """Return the options of [swift] that lead here."""
        return {
            "auth_type": "v1password",
            "auth_url": self.auth_url,
            "username": "test:tester",
            "password": "testing",
        }

    def _configure(self, kind, port, text):
        values = {"kind": kind, "port": port, "user": self.run_as(), "folder": self.folder}
        whole = (COMMON + text).format(**values, memcached=self.address["memcached"])
        (self.folder / f"{kind}-server.conf").write_text(whole)

    def _listens(self, port):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _is_well(self):
        try:
            return (
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthcheck", timeout=2).status == 200
            )
        except (urllib.error.URLError, OSError):
            return False
