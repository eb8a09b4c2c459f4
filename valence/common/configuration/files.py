# SPDX-License-Identifier: Apache-2.0
"""Which configuration files a command reads: those that its command line names, else those of the system."""

import argparse
import itertools
import os
import pathlib
import typing

from oslo_config import cfg


def default(
    prog: str, config_files: typing.Sequence[str] | None, system_files: bool
) -> tuple[list[str], list[str]]:
    """Return the files and folders that are read where the command line names none."""
    if not system_files:
        return [], []
    found = cfg.find_config_files("valence", prog) if config_files is None else config_files
    return list(found), cfg.find_config_dirs("valence", prog)


def named(argv: typing.Sequence[str], found: list[str], folders: list[str] | None) -> list[str]:
    """Return the files that ``argv`` makes a command read."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-file", action="append")
    parser.add_argument("--config-dir", action="append")
    given, _ = parser.parse_known_args(argv)
    return expanded(given.config_file or found, given.config_dir or folders)


def of_commands(progs: typing.Iterable[str]) -> list[str]:
    """Return the files that any of the commands ``progs`` reads where its command line names none."""
    defaults = [expanded(*default(prog, None, True)) for prog in progs]
    return list(dict.fromkeys(itertools.chain(*defaults)))


def expanded(files: typing.Iterable[str], folders: typing.Iterable[str] | None) -> list[str]:
    """Return ``files``, and the files in ``folders`` in their order."""
    within = [sorted(pathlib.Path(folder).expanduser().glob("*.conf")) for folder in folders or ()]
    return [os.path.expanduser(str(file)) for file in [*files, *itertools.chain(*within)]]
