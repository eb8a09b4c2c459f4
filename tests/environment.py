# SPDX-License-Identifier: Apache-2.0
"""Virtual environments: of programs with libraries of their own, and of Valence with only what it requires."""

import fcntl
import hashlib
import itertools
import pathlib
import shutil
import subprocess
import sys
import venv
from importlib import metadata

from packaging import requirements
from packaging import utils

#: distributions that only a server needs
OF_SERVERS = {"flask", "oslo-config", "oslo-db", "oslo-messaging", "sqlalchemy", "sushy"}
#: the versions of this environment
CONSTRAINTS = pathlib.Path(__file__).parents[1] / "constraints.txt"


def install(name, file):
    """Return the folder of the commands of an environment; the first call with a file of requirements makes it."""
    home = pathlib.Path(sys.prefix) / name
    home.mkdir(exist_ok=True)
    stamp = home / hashlib.sha256(file.read_bytes() + CONSTRAINTS.read_bytes()).hexdigest()[:12]
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            make(home, file)
            stamp.touch()
    return home / "bin"


def make(home, file):
    """Make an environment of what a file requires; packages of this environment that are allowed there are linked.

    To download them again, and to compile them at their first import, takes more CPU time than most tests.
    """
    venv.create(home)
    folder, shared = packages(home), home / "shared"
    (folder / "shared.pth").write_text(f"import site; site.addsitedir({str(shared)!r})\n")
    rows = [row for row in file.read_text().splitlines() if row and not row.startswith("#")]
    required = [*map(requirements.Requirement, rows)]
    # The commands of what is required are not here.
    own = {"valence", *(utils.canonicalize_name(each.name) for each in required)}
    share(shared, names(metadata.distributions()) - own)
    # Most of the modules are never imported: compiling them takes half of the CPU time of an installation.
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--no-compile"]
    command = [*pip, "--quiet", "--requirement", file]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    # What looks for plug-ins reads the metadata of each package that it sees.
    own = names(metadata.distributions(path=[str(folder)]))
    share(shared, needed(required, [str(folder), str(shared)]) - own)


def share(folder, names):
    """Let a folder have links to the distributions ``names`` of this environment, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    link(folder, names)


def packages(home):
    """Return the folder of the packages of an environment."""
    (folder,) = (home / "lib").glob("python*/site-packages")
    return folder


def names(distributions):
    """Return the normalized names of distributions."""
    return {utils.canonicalize_name(each.name) for each in distributions}


def needed(required, path=None):
    """Return the normalized names of all packages that requirements lead to, as the installed packages say.

    Those are looked for in the folders of ``path``, in this environment without it.
    """
    path = sys.path if path is None else path
    seen, due = set(), [*itertools.chain.from_iterable(map(with_extras, required))]
    while due:
        package = name, extra = due.pop()
        if package not in seen:
            seen.add(package)
            (found, *_) = metadata.distributions(name=name, path=path)
            for each in map(requirements.Requirement, found.requires or ()):
                if each.marker is None or each.marker.evaluate({"extra": extra}):
                    due += with_extras(each)
    return {name for name, _ in seen}


def with_extras(requirement):
    """Return pairs of the name that a requirement has and of each of its extras, the empty one first."""
    return [(utils.canonicalize_name(requirement.name), extra) for extra in ("", *requirement.extras)]


def link(folder, names):
    """Give a folder of packages the distributions ``names`` of this environment; what it has already stays."""
    for name in names:
        distribution = metadata.distribution(name)
        for top in {
            file.parts[0] for file in distribution.files if file.parts[0] not in ("..", "__pycache__")
        }:
            if not (folder / top).exists():
                (folder / top).symlink_to(distribution.locate_file(top))
