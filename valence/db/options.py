# SPDX-License-Identifier: Apache-2.0
"""The [database] options: oslo.db's, with defaults of Valence, and those for etcd."""

import pathlib

from oslo_config import cfg
from oslo_db import options

#: defaults of [database] that differ from the library's
DATABASE = {
    # With 5, every tenth of 16 requests at a time opens a connection and closes it again.
    "max_pool_size": 20,
    # Seconds that a thread waits for one of its process's connections to become free.
    "pool_timeout": 1,
}

ETCD = [
    cfg.StrOpt(
        "etcd_prefix",
        default="",
        help="Folder of etcd below which everything is, where the connection, etcd3://host:2379/folder, names none.",
    ),
    cfg.StrOpt(
        "etcd_ca_file", help="File of the authorities that etcd's certificate is checked with; turns TLS on."
    ),
    cfg.StrOpt("etcd_cert_file", help="File of the certificate to show to etcd."),
    cfg.StrOpt("etcd_key_file", help="File of that certificate's key."),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, as oslo-config-generator asks for them."""
    return [("database", [*options.database_opts, *ETCD])]


def set_defaults() -> None:
    """Give oslo.db's options Valence's defaults, in this process and in the sample configuration."""
    cfg.set_defaults(options.database_opts, **DATABASE)


def register(conf: cfg.ConfigOpts) -> None:
    """Register [database] on ``conf``; without a connection it is SQLite in the state_dir."""
    set_defaults()
    file = pathlib.Path(conf.state_dir).absolute() / "valence.db"
    options.set_defaults(conf, connection=f"sqlite:///{file}")
    conf.register_opts(ETCD, "database")
