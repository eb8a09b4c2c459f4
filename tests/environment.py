# SPDX-License-Identifier: Apache-2.0
"""Virtual environments: of programs with libraries of their own, and of Valence with only what it requires."""

import fcntl
import hashlib
import itertools
import pathlib
import subprocess
import sys
import venv
from importlib import metadata

from packaging import requirements
from packaging import utils

#: distributions that only a server needs
OF_SERVERS = {"flask", "oslo-config", "oslo-db", "oslo-messaging", "sqlalchemy", "sushy"}


def install(name, requirements):
    """Return the folder of the commands of an environment; the first call with a file of requirements makes it."""
    home = pathlib.Path(sys.prefix) / name
    home.mkdir(exist_ok=True)
    stamp = home / hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            venv.create(home)
            # Most of the modules are never imported: compiling them takes half of the CPU time of an installation.
            pip = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                home / "bin" / "python",
                "install",
                "--no-compile",
            ]
            command = [*pip, "--quiet", "--requirement", requirements]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            stamp.touch()
    return home / "bin"


def needed(required):
    """Return the normalized names of all packages that requirements lead to here, as the installed packages say."""
    seen, due = set(), [*itertools.chain.from_iterable(map(with_extras, required))]
    while due:
        package = name, extra = due.pop()
        if package not in seen:
            seen.add(package)
            for each in map(requirements.Requirement, metadata.requires(name) or ()):
                if each.marker is None or each.marker.evaluate({"extra": extra}):
                    due += with_extras(each)
    return {name for name, _ in seen}


def with_extras(requirement):
    """Return pairs of the name that a requirement has and of each of its extras, the empty one first."""
    return [(utils.canonicalize_name(requirement.name), extra) for extra in ("", *requirement.extras)]


def link(home, names):
    """Give an environment the distributions ``names`` of this one; what it has already stays."""
    (folder,) = (home / "lib").glob("python*/site-packages")
    for name in names:
        distribution = metadata.distribution(name)
        for top in {
            file.parts[0] for file in distribution.files if file.parts[0] not in ("..", "__pycache__")
        }:
            if not (folder / top).exists():
                (folder / top).symlink_to(distribution.locate_file(top))
