# SPDX-License-Identifier: Apache-2.0
"""Checks of this host, with its configuration files; ``valence doctor`` finds ``examine`` by its entry point."""

import importlib.metadata
import os
import platform

from oslo_config import cfg
from oslo_log import log

from valence import version
from valence.cmd import all_in_one
from valence.cmd.doctor import broker
from valence.cmd.doctor import configuration
from valence.cmd.doctor import database
from valence.cmd.doctor import files
from valence.cmd.doctor import ironic
from valence.common.configuration import config
from valence.common.configuration import files as config_files
from valence.db import options

#: commands whose files are read where none are named
COMMANDS = ("valence-api", "valence-conductor", "valence-all-in-one")
#: packages whose versions matter for a report of a bug
PACKAGES = ("oslo.config", "oslo.db", "oslo.messaging", "kombu", "amqp", "SQLAlchemy", "flask", "sushy")


def examine(report, named=(), folders=(), *, recent=False):
    """Add what is wrong on this host to a Report; nothing if it has no configuration file.

    ``named`` and ``folders`` are the files and folders to read instead of the default ones. With ``recent`` the
    documents of the report have operations and events, too.
    """
    is_named = bool(named or folders)
    _examine_folders(report, folders)
    paths = config_files.expanded(named, folders) if is_named else config_files.of_commands(COMMANDS)
    if paths or is_named:
        report.checked.append(f"this host with {', '.join(paths or folders)}")
    if not paths:
        return
    report.documents["versions.json"] = versions()
    examined = configuration.examine(report, paths)
    conf = read(paths, examined)
    if conf is not None:
        _examine(report, conf, examined, recent)


def _examine_folders(report, folders):
    """Check that each named folder has configuration files."""
    for folder in folders:
        if not os.path.isdir(os.path.expanduser(folder)):
            report.add("config.file", f"There is no folder {folder}.", "Correct --config-dir.", file=folder)
        elif not config_files.expanded((), [folder]):
            found = f"The folder {folder} has no file whose name ends in .conf."
            report.add("config.file", found, "Correct --config-dir.", file=folder)


def versions():
    """Return the versions of Valence, Python and the libraries."""
    found = {"valence": version.version_string(), "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _examine(report, conf, examined, recent):
    steps = [lambda: files.examine(report, conf, examined)]
    if files.has_conductor(conf, examined):
        steps.append(lambda: database.examine(report, conf, recent=recent))
    steps.append(lambda: broker.examine(report, conf, examined))
    steps.append(lambda: ironic.examine(report, conf, examined))
    for step in steps:
        try:
            step()
        except (cfg.Error, ValueError) as error:
            # The check of the files has reported a value that is not valid.
            if not report.has("config.value"):
                report.add("config.value", " ".join(str(error).split()), file=examined.paths[0])
        except Exception as error:  # the other checks are made all the same
            reason = " ".join(str(error).split()) or type(error).__name__
            report.add("host.failed", f"A check failed: {type(error).__name__}.", reason)


def read(paths, examined):
    """Return the configuration that files give, or None if one of them cannot be read."""
    conf = cfg.ConfigOpts()
    config.register(conf)
    try:
        conf([], project="valence", default_config_files=paths, default_config_dirs=[])
        if examined.is_all_in_one:
            conf.set_default("state_dir", all_in_one.default_state_dir("valence"))
        options.register(conf)
    except (cfg.Error, ValueError, OSError, log.LogConfigError):
        return None
    return conf
