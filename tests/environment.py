# SPDX-License-Identifier: Apache-2.0
"""Virtual environments of programs whose libraries are not those that Valence is tested with."""

import fcntl
import hashlib
import pathlib
import subprocess
import sys
import venv


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
