# SPDX-License-Identifier: Apache-2.0
"""Every option of Valence, by group. The oslo libraries register their own."""

import pathlib
import socket
import ssl
import typing

from oslo_config import cfg
from oslo_log import log

from valence import version
from valence.common import errors
from valence.common import logs
from valence.common.configuration import config_check
from valence.common.configuration import files
from valence.common.configuration import groups

LOG = log.getLogger(__name__)

DEFAULT = [
    cfg.HostAddressOpt(
        "host",
        default=socket.gethostname(),
        sample_default="localhost",
        help="Name of this conductor or API, unique among those that share the message bus and the database.",
    ),
    cfg.StrOpt(
        "state_dir",
        default="/var/lib/valence",
        help="Folder for what this process keeps: the embedded database and the keys that were made for it.",
    ),
    cfg.StrOpt(
        "site",
        help="Identity of the site: a UUID that the database keeps, and that conductors log at their start. By default "
        "an API belongs to the site whose conductor answers first. Set it where two sites share a message bus.",
    ),
    cfg.StrOpt(
        "auth_strategy",
        default="keystone",
        choices=[
            ("keystone", "tokens of the Identity service"),
            ("http_basic", "user names and passwords of [api] http_basic_auth_user_file"),
            ("noauth", "everybody is an administrator; only on a loopback address unless forced"),
        ],
        help="Who may use the API.",
    ),
]

API = [
    cfg.HostAddressOpt("host", default="127.0.0.1", help="Address to listen on."),
    cfg.PortOpt("port", min=0, default=8181, help="Port to listen on; 0 takes a free one and prints it."),
    cfg.BoolOpt("ui", default=True, help="Serve the screen, pages for browsers, at /ui/."),
    cfg.IntOpt("threads", default=16, min=2, help="Requests that are worked on at the same time."),
    cfg.BoolOpt(
        "noauth_everywhere",
        default=False,
        help="Serve noauth on an address that is not loopback. Whoever reaches it controls the hardware.",
    ),
    cfg.StrOpt(
        "http_basic_auth_user_file",
        default="/etc/valence/htpasswd",
        help="Users of the http_basic strategy, one 'name:bcrypt hash' a line, as htpasswd -nB prints.",
    ),
    cfg.ListOpt(
        "http_basic_admins",
        default=["admin"],
        help="Users of the http_basic strategy who are administrators; all others are readers.",
    ),
    cfg.StrOpt("tls_cert_file", help="Certificate chain (PEM) to serve HTTPS with."),
    cfg.StrOpt("tls_key_file", help="Key (PEM) of the certificate."),
    cfg.PortOpt(
        "introspection_port",
        min=0,
        help="Port at which introspection is served as well, as at /introspection but without that prefix; "
        "ironic-inspector has 5050. 0 takes a free one and logs it. By default there is no such port.",
    ),
    cfg.HostAddressOpt(
        "introspection_host",
        help="Address of that port, such as one of the network that machines boot from; by default host.",
    ),
    cfg.StrOpt("public_url", help="URL under which clients see the API; by default the one of the request."),
    cfg.ListOpt(
        "allowed_hosts",
        default=[],
        help="Further host names under which clients reach the API; '.example.org' stands for all names below it. "
        "The names of host, introspection_host, public_url and of this machine, localhost and all IP addresses are "
        "allowed without being listed. Requests for other names are refused: a web page could send them by letting "
        "a name of its own lead here.",
    ),
    cfg.ListOpt(
        "trusted_proxies",
        default=[],
        help="Addresses or networks (192.0.2.0/24) of the reverse proxies in front of the API. Only from them are "
        "X-Forwarded-For, -Proto, -Host and -Prefix believed. By default nobody is.",
    ),
    cfg.IntOpt("max_limit", default=1000, min=1, help="Most rows of one page."),
    cfg.IntOpt("default_limit", default=100, min=1, help="Rows of one page when the client does not say."),
    cfg.IntOpt("max_body_kib", default=1024, min=1, help="Largest request body, in KiB."),
    cfg.IntOpt(
        "max_connections",
        default=2000,
        min=16,
        help="Open connections of each port of the API; fewer where the limit of open files (LimitNOFILE) is low. When "
        "there are more, those without a complete request are closed first, the oldest of the client with most.",
    ),
    cfg.IntOpt(
        "max_connections_per_address",
        default=256,
        min=1,
        help="Open connections from one address; a further one closes the oldest of them without a complete request. "
        "This host and trusted_proxies may have any number.",
    ),
    cfg.IntOpt("max_json_depth", default=32, min=4, help="Deepest nesting of a JSON body."),
    cfg.IntOpt("max_json_values", default=20000, min=100, help="Most values in one JSON body."),
    cfg.IntOpt(
        "max_event_streams_per_client",
        default=4,
        min=1,
        help="Event streams of one user, or without authentication of one address, at the same time.",
    ),
    cfg.IntOpt(
        "max_event_streams",
        default=8,
        min=1,
        help="Event streams served at the same time; each keeps a thread.",
    ),
]

SYNC = [
    cfg.IntOpt(
        "interval",
        default=60,
        min=1,
        mutable=True,
        help="Seconds between two synchronizations of a pod manager.",
    ),
    cfg.IntOpt(
        "min_interval",
        min=1,
        mutable=True,
        help="Fewest seconds between two synchronizations of a pod manager in which something changes; by "
        "default a quarter of the interval.",
    ),
    cfg.IntOpt(
        "max_interval",
        min=1,
        mutable=True,
        help="Most seconds between two synchronizations of a pod manager in which nothing changes; by default "
        "the interval, so that every change is seen within it.",
    ),
    cfg.IntOpt(
        "offline_after",
        default=2,
        min=1,
        mutable=True,
        help="Failed contacts in a row after which a pod manager is offline; one good contact brings it back.",
    ),
    cfg.IntOpt(
        "max_backoff",
        default=900,
        min=1,
        mutable=True,
        help="Longest pause, in seconds, after repeated failures.",
    ),
    cfg.IntOpt(
        "remember_removed",
        default=86400,
        min=0,
        mutable=True,
        help="Seconds for which a removed resource is remembered. If it comes back within them, it gets its "
        "identifier again.",
    ),
    cfg.IntOpt(
        "batch", default=500, min=1, max=5000, mutable=True, help="Changes that are stored in one commit."
    ),
    cfg.IntOpt(
        "workers", default=4, min=1, help="Pod managers that one conductor synchronizes at the same time."
    ),
    cfg.IntOpt(
        "slow_seconds",
        default=10,
        min=1,
        help="Seconds after which a synchronization is slow and gives its place to that of another pod manager.",
    ),
    cfg.IntOpt(
        "slow_workers",
        default=16,
        min=1,
        help="Slow pod managers that one conductor synchronizes at the same time, besides the others.",
    ),
]

COMPOSITION = [
    cfg.IntOpt(
        "workers", default=16, min=1, help="Operations on nodes that one conductor works on at the same time."
    ),
    cfg.IntOpt(
        "timeout",
        default=600,
        min=1,
        help="Seconds that a pod manager gets for each step of composing a machine or taking it apart.",
    ),
    cfg.BoolOpt(
        "power_off_first",
        default=True,
        help="Shut a machine down before it is taken apart, and switch it off where that takes longer than a minute.",
    ),
    cfg.StrOpt(
        "erase",
        default="if_offered",
        choices=[
            ("never", "Nothing is erased unless a client requests it."),
            ("if_offered", "Devices that cannot be erased are returned free, with the reason."),
            ("required", "Devices that cannot be erased become dirty: no node gets one until it is freed."),
        ],
        help="Whether the drives of storage devices are erased before a node returns the devices.",
    ),
    cfg.IntOpt("erase_timeout", default=14400, min=1, help="Seconds that drives get to be erased."),
    cfg.IntOpt(
        "power_timeout",
        default=60,
        min=1,
        help="Seconds within which a machine has to reach the power state, or to show the boot device, that was "
        "requested. After that the operation succeeds with the result unconfirmed.",
    ),
]

REDFISH = [
    cfg.IntOpt(
        "connect_timeout", default=5, min=1, help="Seconds to wait for a connection to a pod manager."
    ),
    cfg.IntOpt("read_timeout", default=30, min=1, help="Seconds to wait for an answer of a pod manager."),
    cfg.IntOpt(
        "concurrency",
        default=4,
        min=1,
        help="Requests in flight to one pod manager when a synchronization starts; 1 means one at a time, always.",
    ),
    cfg.IntOpt(
        "max_concurrency",
        default=16,
        min=1,
        help="Requests in flight to one pod manager at most. The number grows from [redfish] concurrency while the pod "
        "manager answers as fast as before; it is halved if answers become slow, time out, or are 429 or 503.",
    ),
    cfg.IntOpt(
        "max_document_kib", default=16384, min=64, help="Largest Redfish document that is read, in KiB."
    ),
    cfg.IntOpt(
        "detail_seconds",
        default=10,
        min=1,
        help="Seconds that a request for live documents waits for a pod manager; what comes later is cached.",
    ),
    cfg.IntOpt("detail_cache_seconds", default=5, min=0, help="Seconds that a live document is reused."),
    cfg.BoolOpt(
        "expand",
        default=True,
        mutable=True,
        help="Use $expand where a pod manager offers it and it is seen to work.",
    ),
    cfg.BoolOpt(
        "sensors",
        default=False,
        help="List the sensors of chassis and power distribution equipment as resources of type Sensor. A chassis may "
        "have hundreds, and each is one more request per synchronization.",
    ),
]

EVENTS = [
    cfg.BoolOpt(
        "enabled",
        default=True,
        help="Let pod managers tell of changes: by posts where [events] port is set, else by a stream where they "
        "offer one. What they tell is read again, so they can prove nothing.",
    ),
    cfg.HostAddressOpt(
        "host",
        default="0.0.0.0",  # noqa: S104 - pod managers are other hosts
        help="Address at which pod managers post their events.",
    ),
    cfg.PortOpt(
        "port",
        min=0,
        help="Port at which they post them; 0 takes a free one. By default a conductor has no such port, and hears "
        "only of pod managers that offer a stream.",
    ),
    cfg.URIOpt(
        "receiver_url",
        schemes=["http", "https"],
        help="URL of this conductor's port as pod managers reach it. By default the address that the host has on the "
        "way to the pod manager.",
    ),
    cfg.StrOpt("tls_cert_file", help="Certificate chain (PEM) to receive events by HTTPS with."),
    cfg.StrOpt("tls_key_file", help="Key (PEM) of the certificate."),
    cfg.IntOpt("max_body_kib", default=1024, min=1, help="Largest body of a post, in KiB."),
]

SECRETS = [
    cfg.StrOpt(
        "key_file",
        help="Keys that passwords are encrypted with, one Fernet key a line, the newest first. All conductors "
        "need the same file; 'valence-manage secrets create' makes it. By default state_dir/secrets.keys, "
        "which valence-all-in-one makes by itself.",
    ),
]

NOTIFICATIONS = [
    cfg.BoolOpt("enabled", default=True, help="Publish events on the message bus."),
    cfg.StrOpt(
        "topic", default="valence_versioned_notifications", help="Topic that events are published to."
    ),
]

GROUPS: dict[str, typing.Sequence[cfg.Opt]] = {
    "DEFAULT": DEFAULT,
    "api": API,
    "composition": COMPOSITION,
    "conductor": groups.CONDUCTOR,
    "events": EVENTS,
    "notifications": NOTIFICATIONS,
    "processing": groups.PROCESSING,
    "quota": groups.QUOTA,
    "redfish": REDFISH,
    "secrets": SECRETS,
    "sync": SYNC,
}

#: libraries whose information is of no use to operators
QUIET = ("alembic=WARNING", "oslo_service=WARNING", "psycopg=ERROR")


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, as oslo-config-generator asks for them."""
    return [(group, list(options)) for group, options in GROUPS.items()]


def register(conf: cfg.ConfigOpts) -> None:
    """Register every option on ``conf``."""
    for group, options in GROUPS.items():
        conf.register_opts(options, group=None if group == "DEFAULT" else group)
    if "use_json" not in conf:
        log.register_options(conf)


def check(conf: cfg.ConfigOpts) -> list[str]:
    """Raise ConfigurationInvalid unless the files of ``conf``, as they are now, are valid; return warnings."""
    folders = [conf.config_dir] if isinstance(conf.config_dir, str) else conf.config_dir
    return config_check.check(files.expanded(conf.config_file, folders), _known())


def load(
    argv: typing.Sequence[str],
    prog: str,
    config_files: typing.Sequence[str] | None = None,
    conf: cfg.ConfigOpts = cfg.CONF,
    cli: typing.Sequence[cfg.Opt] = (),
    *,
    system_files: bool = True,
) -> cfg.ConfigOpts:
    """Read command line and configuration files into ``conf`` and set logging up; return ``conf``.

    ``cli`` are options of this command alone; without ``system_files`` only files are read that the command line
    names. oslo.messaging registers options on the process's ``cfg.CONF``, so a process uses that one. Raises
    ConfigurationInvalid.
    """
    register(conf)
    conf.register_cli_opts(cli)
    log.set_defaults(default_log_levels=[*log.get_default_log_levels(), *QUIET])
    found, folders = files.default(prog, config_files, system_files)
    warnings = check_command(argv, prog, cli, found, folders)
    try:
        conf(
            argv,
            project="valence",
            prog=prog,
            version=version.version_string(),  # type: ignore[no-untyped-call]  # pbr has no types
            default_config_files=found,
            default_config_dirs=folders,
        )
        logs.protect()
        log.setup(conf, "valence")
    except (cfg.ConfigFilesNotFoundError, cfg.ConfigDirNotFoundError, log.LogConfigError) as error:
        raise _invalid(str(error), "Correct the command line or the file.") from None
    except cfg.RequiredOptError:
        raise config_check.missing(conf, cli, prog) from None
    except OSError as error:
        hint = "Correct [DEFAULT] log_dir and log_file, or let this process write there."
        raise _invalid(f"The log cannot be written: {error}.", hint) from None
    for warning in warnings:
        LOG.warning("%s", warning)
    return conf


def require_files(conf: cfg.ConfigOpts, group: str) -> None:
    """Raise ConfigurationInvalid unless the certificate of a group, if it names one, can be served."""
    certificate, key = conf[group].tls_cert_file, conf[group].tls_key_file
    if certificate is None:
        return
    hint = "Name files that this process can read, the key being that of the certificate."
    names = f"[{group}] tls_cert_file and tls_key_file"
    try:
        for file in (certificate, key or certificate):
            pathlib.Path(file).read_bytes()
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise _invalid(f"{names} cannot be used: {error}.", hint) from None
    except OSError as error:
        raise _invalid(f"{names}: {error.filename}: {error.strerror}.", hint) from None


def check_command(
    argv: typing.Sequence[str],
    prog: str,
    cli: typing.Sequence[cfg.Opt] = (),
    found: list[str] | None = None,
    folders: list[str] | None = None,
) -> list[str]:
    """Return warnings about the files that a command reads; raise ConfigurationInvalid."""
    if found is None:
        found, folders = files.default(prog, None, True)
    return config_check.check(files.named(argv, found, folders), _known(cli))


def examine(paths: typing.Iterable[str]) -> config_check.Examined:
    """Return what the files at ``paths`` give and what is wrong with it.

    A file that cannot be read is one of the problems, with its path as ``path``.
    """
    given: list[config_check.Given] = []
    unreadable: list[errors.Problem] = []
    for file in paths:
        try:
            given += config_check.read(file)
        except errors.ConfigurationInvalid as error:
            unreadable += [problem | {"path": file} for problem in error.problems]
    examined = config_check.examine(given, _known())
    return examined._replace(problems=[*unreadable, *examined.problems])


def _known(cli: typing.Sequence[cfg.Opt] = ()) -> list[tuple[str, typing.Sequence[cfg.Opt]]]:
    """Return the options that every process has, and those of its command line."""
    return [*GROUPS.items(), ("DEFAULT", list(cli))]


def _invalid(detail: str, hint: str) -> errors.ConfigurationInvalid:
    return errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}])
