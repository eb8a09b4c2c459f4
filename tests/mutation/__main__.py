# SPDX-License-Identifier: Apache-2.0
"""Run the mutants of the table, or those that are named."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from tests.mutation import table

ROOT = pathlib.Path(__file__).parents[2]
COPIED = ("valence", "tests", "doc", "etc", "releasenotes")
#: seconds that the tests of one mutant may take; one that hangs is noticed
LIMIT = 900
#: how testtools prints a test that failed
FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+)", re.MULTILINE)


class Tree:
    """A copy of the tree, in which one mutant at a time is applied."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ROOT.glob("*.*"):
            if file.is_file():
                shutil.copy(file, folder)

    def failure(self, tests: tuple[str, ...]) -> str | None:
        """Return the name of a test that fails in the tree as it is, or how they end otherwise; None if all pass."""
        command = [sys.executable, "-B", "-m", "testtools.run", "--failfast", *tests]
        # The modules of the tree come before those of the installation.
        variables = os.environ | {"PYTHONPATH": str(self.folder)}
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=variables, capture_output=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return f"no end within {LIMIT} s"
        if done.returncode == 0:
            return None
        name = FAILED.search(done.stdout.decode(errors="replace"))
        return name[1] if name else f"exit code {done.returncode}"

    def failure_with(self, mutant: table.Mutant) -> str | None:
        """Return which test of the mutant fails while it is applied, None if it survives."""
        file = self.folder / "valence" / mutant.file
        text = file.read_text()
        file.write_text(text.replace(mutant.old, mutant.new))
        try:
            return self.failure(mutant.tests)
        finally:
            file.write_text(text)


def main() -> int:
    """Return 0 if every mutant is caught."""
    parser = argparse.ArgumentParser(prog="tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run these mutants alone")
    names = parser.parse_args().names
    chosen = [mutant for mutant in table.MUTANTS if not names or mutant.name in names]
    survivors: list[str] = []
    sound: dict[tuple[str, ...], str | None] = {}
    with tempfile.TemporaryDirectory(prefix="valence-mutation-") as folder:
        tree = Tree(pathlib.Path(folder))
        for mutant in chosen:
            if mutant.tests not in sound:
                sound[mutant.tests] = tree.failure(mutant.tests)
            if broken := sound[mutant.tests]:
                outcome = f"cannot be judged, without it too fails {broken}"
            elif failure := tree.failure_with(mutant):
                outcome = f"caught by {failure}"
            else:
                outcome = "SURVIVES"
            if not outcome.startswith("caught"):
                survivors.append(mutant.name)
            print(f"{mutant.name}: {outcome}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} caught")
    return bool(survivors)


sys.exit(main())
