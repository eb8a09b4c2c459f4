# SPDX-License-Identifier: Apache-2.0
"""The console blocks of a page of documentation, and a shell that runs them.

In a block ``.. code-block:: console`` a line that begins with ``$`` is a command, ``>`` goes on with it, and the
rest is what it prints. A command that does not end by itself, such as a stream, runs on while others are run; a
block without any prompt is what the last one of those prints meanwhile.
"""

import itertools
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import time
import typing
import uuid

import fixtures

from tests import programs

BLOCK = re.compile(r"^( *)\.\. code-block:: console\n\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
#: commands that run until somebody ends them
RUNS_ON = re.compile(
    r"curl -\w*N|(?<!stop )valence-(all-in-one|api|conductor|simulator)\b|--no-daemon|listen_\w+\.py"
)
#: commands that change something, so that they cannot just be repeated until they print what they should
CHANGES = re.compile(
    r"-X|-d |--data|--json|valence-manage|systemctl|rabbitmqctl (?!list)|mariadb|psql|job create|^until "
    r"|\b(valence|rack) (-\S+ \S+ )*([a-z]+ )*"
    r"(apply|create|set|unset|delete|sync|power|boot|manage|attach|detach|retry|cancel)(\s|$)"
)
#: how long a command that only reads is repeated, and output of a command that runs on is waited for
PATIENCE, PAUSE = 30, 0.2

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
#: what differs from run to run is compared by its form; an ellipsis stands for anything
FORMS = ((UUID, UUID), (TIME, TIME), (r"127\.0\.0\.1:\d+", r"127\.0\.0\.1:\d+"), ("…", r"[\s\S]*?"))
_SPLIT = re.compile("|".join(f"({form})" for form, _ in FORMS))


class Step(typing.NamedTuple):
    """A command, "" where there is none, and what has to be seen; ``line`` is its place in the page."""

    line: int
    command: str
    expected: str


class Mismatch(AssertionError):
    """A command printed something else than the page says."""


def steps(text):
    """Return the steps of a page in their order."""
    return [
        step
        for block in BLOCK.finditer(text)
        for step in _steps_of(block, text.count("\n", 0, block.start(2)))
    ]


def _steps_of(block, line):
    command, expected, begun = "", [], line + 1
    for number, row in enumerate(textwrap.dedent(block[2]).rstrip().splitlines(), start=line + 1):
        if row.startswith("$ "):
            if command or expected:
                yield Step(begun, command, "\n".join(expected))
            command, expected, begun = row[2:], [], number
        elif row.startswith("> ") and not expected:
            command += f"\n{row[2:]}"
        else:
            expected.append(row)
    yield Step(begun, command, "\n".join(expected))


def pattern(expected):
    """Return the regular expression for an output that a page shows."""
    text = "\n".join(row.rstrip() for row in expected.strip().splitlines())
    return re.compile("".join(_form(part) for part in _SPLIT.split(text) if part))


def _form(part):
    return next((form for known, form in FORMS if re.fullmatch(known, part)), re.escape(part))


class Console(fixtures.Fixture):
    """A shell in ``folder``; ``instead`` maps regular expressions to what stands for them in every command."""

    def __init__(self, folder, instead, path=()):
        super().__init__()
        self._folder, self._instead = pathlib.Path(folder), instead
        folders = [*itertools.chain.from_iterable(map(programs.folders, path)), os.environ["PATH"]]
        self._path = os.pathsep.join(map(str, folders))
        self._running = []

    def _setUp(self):
        self._shell = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGKILL", "--", "bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env=os.environ | {"PATH": self._path},
            start_new_session=True,
        )
        self.addCleanup(self._end)

    def run(self, step):
        """Run one step; raise Mismatch if what it prints is not what the page says."""
        command = self.actual(step.command)
        wanted = pattern(self.actual(step.expected))
        if RUNS_ON.search(command):
            self._running.append(self._start(command))
        if not command or RUNS_ON.search(command):
            self._expect(step, wanted.search, self._running[-1].read_text)
        elif CHANGES.search(command):
            self._compare(step, wanted.fullmatch, self.output(command))
        else:
            self._expect(step, wanted.fullmatch, lambda: self.output(command))

    def actual(self, text):
        """Return a command or output with everything put in that stands for something else here."""
        for known, other in self._instead.items():
            text = re.sub(known, other, text)
        return text

    def output(self, command):
        """Run a command to its end and return what it prints."""
        mark = f"end-{uuid.uuid4().hex}"
        self._shell.stdin.write(f"{{ {command}\n}} < /dev/null\nprintf '\\n%s\\n' {mark}\n")
        self._shell.stdin.flush()
        rows = []
        while (row := self._shell.stdout.readline()).strip() != mark:
            if not row:
                raise Mismatch(f"the shell ended in: {command}")
            rows.append(row.rstrip())
        return "\n".join(rows).strip()

    def _start(self, command):
        file = self._folder / f"running-{len(self._running)}.log"
        file.touch()
        self.output(f"{{ {command}\n}} > {file} 2>&1 < /dev/null &")
        return file

    def _expect(self, step, matches, read):
        """Read again and again, until it matches."""
        deadline = time.monotonic() + PATIENCE
        while not matches(printed := clean(read())):
            if time.monotonic() > deadline:
                self._compare(step, matches, printed)
            time.sleep(PAUSE)

    def _compare(self, step, matches, printed):
        if not matches(clean(printed)):
            command = step.command or "what runs on"
            raise Mismatch(
                f"line {step.line}: {command}\nprinted:\n{printed}\nthe page says:\n{step.expected}"
            )

    def _end(self):
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        self._shell.stdin.close()
        self._shell.stdout.close()


def clean(text):
    """Return an output without blanks at the ends of its lines."""
    return "\n".join(row.rstrip() for row in text.strip().splitlines())
