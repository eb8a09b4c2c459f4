# SPDX-License-Identifier: Apache-2.0
"""Checks of files and folders: modes of files with secrets, certificates, keys, and the disk."""

import datetime
import getpass
import os
import pathlib
import shlex
import shutil
import stat

from cryptography import x509

from valence.common import errors
from valence.common import secrets
from valence.common.configuration import config

#: days before the end of a certificate
DAYS = 14
#: free bytes below which a disk is nearly full, or full
LITTLE, NOTHING = 512 * 1024**2, 32 * 1024**2
SQLITE = "sqlite:///"


def examine(report, conf, examined):
    """Check the files and folders of a configuration."""
    examine_modes(report, conf, examined)
    examine_certificates(report, conf)
    is_conductor = has_conductor(conf, examined)
    if is_conductor:
        examine_keys(report, conf)
    examine_disk(report, conf, is_conductor=is_conductor)


def has_conductor(conf, examined):
    """Return whether a conductor runs with these files: an API needs a broker, but no database."""
    if examined.is_all_in_one or examined.value("database", "connection") is not None:
        return True
    path = sqlite_file(conf)
    return path is not None and os.path.exists(path)


def examine_modes(report, conf, examined):
    """Check the modes of the configuration files that have secrets, and of keys."""
    for path in sorted(examined.secret_files):
        _examine_mode(report, path, stat.S_IROTH | stat.S_IWOTH, "Other users can read its secrets.")
    keys = {conf[group].tls_key_file for group in ("api", "events")} | {conf.database.etcd_key_file}
    if conf.auth_strategy == "http_basic":
        keys.add(conf.api.http_basic_auth_user_file)
    for path in sorted(filter(None, keys)):
        _examine_mode(report, path, stat.S_IROTH | stat.S_IWOTH, "Other users can read the key.")
    # Reading is checked by the code that loads them.
    reason = "Other users can change the keys, so that no conductor can read the secrets."
    _examine_mode(report, secrets.key_file(conf), stat.S_IWGRP | stat.S_IWOTH, reason)


def _examine_mode(report, path, wrong, reason):
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # the code that reads it reports that
    if mode & wrong:
        names = {"file": path, "mode": "o-rwx" if wrong & stat.S_IROTH else "go-w"}
        report.add("files.mode", f"{path} has the mode {stat.S_IMODE(mode):04o}.", reason, **names)


def examine_certificates(report, conf, now=None):
    """Check that certificates can be served, and for how long; ``now`` is an aware datetime."""
    now = now or datetime.datetime.now(datetime.UTC)
    for group in ("api", "events"):
        path = conf[group].tls_cert_file
        if path is None:
            continue
        try:
            config.require_files(conf, group)
        except errors.ConfigurationInvalid as error:
            problem = error.problems[0]
            report.add("config.certificate", problem["detail"], problem["hint"], files=path)
            continue
        ends = x509.load_pem_x509_certificates(pathlib.Path(path).read_bytes())[0].not_valid_after_utc
        if ends < now + datetime.timedelta(days=DAYS):
            reason = "Clients refuse it." if ends < now else "Clients will refuse it then."
            severity = "error" if ends < now else None
            found = f"The certificate {path} ends at {ends:%Y-%m-%d %H:%M} UTC."
            report.add("files.certificate", found, reason, severity=severity, file=path)


def examine_keys(report, conf):
    """Check that the keys of the secrets can be used."""
    path = secrets.key_file(conf)
    try:
        secrets.load(conf)
    except errors.KeysUnusable as error:
        report.add("keys.unusable", error.detail, error.problems[0]["hint"], command=_mending(path))
    else:
        keys = path.read_text().splitlines()
        report.secrets |= {line.strip() for line in keys if line.strip() and not line.startswith("#")}


def _mending(path):
    """Return the command that mends a key file."""
    name = shlex.quote(str(path))
    if not os.path.exists(path):
        return "valence-manage secrets create"
    if not os.access(path, os.R_OK):
        return f"chown valence {name}"
    if os.stat(path).st_mode & stat.S_IROTH:
        return f"chmod 0600 {name}"
    return f"scp OTHER_CONDUCTOR:{name} {name}"


def examine_disk(report, conf, *, is_conductor=True, usage=shutil.disk_usage):
    """Check the folders that the services write to."""
    seen, user = set(), user_name()
    for path in folders(conf, is_conductor=is_conductor):
        if not os.path.isdir(path):
            report.add("disk.path", f"The folder {path} does not exist.", user="valence", path=path)
            continue
        if not os.access(path, os.W_OK | os.X_OK):
            found, reason = (
                f"The user {user} cannot write to {path}.",
                "Run the doctor as the user of the services.",
            )
            report.add("disk.path", found, reason, user=user, path=path)
        device, free = path.stat().st_dev, usage(path).free
        if free < LITTLE and device not in seen:
            seen.add(device)
            severity = "error" if free < NOTHING else None
            found = f"{free // 1024**2} MiB are free in {path}."
            reason = "Valence cannot store anything when the disk is full."
            report.add("disk.space", found, reason, severity=severity, path=path)


def user_name():
    """Return the name of the user of this process; in a container its number may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return str(os.getuid())


def folders(conf, *, is_conductor=True):
    """Return the folders that the services write to; an API writes its log alone."""
    state = pathlib.Path(conf.state_dir)
    found = [pathlib.Path(conf.log_dir)] if conf.log_dir else []
    if not is_conductor:
        return found
    database = sqlite_file(conf)
    if database is not None:
        found.append(database.parent)
    if conf.processing.storage_backend == "file":
        found.append(pathlib.Path(conf.processing.directory or state / "introspection"))
    return list(dict.fromkeys(found))


def sqlite_file(conf):
    """Return the path of the embedded database, None for another one."""
    connection = conf.database.connection
    return pathlib.Path(connection.removeprefix(SQLITE)) if connection.startswith(SQLITE) else None
