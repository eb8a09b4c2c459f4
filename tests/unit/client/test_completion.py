# SPDX-License-Identifier: Apache-2.0
"""Completion of the command line, by the shells themselves: what each proposes for the words before the cursor."""

import subprocess

from tests import base
from tests.unit.client import console

#: calls the function as zsh does, which lets only widgets of its line editor call compadd
ZSH = """
compadd() {{ [[ $1 == -- ]] && shift; print -l -- $@ }}
_files() {{ print files }}
compdef() {{ print -u2 $@ }}
source {file}
words=({words}) CURRENT=$#words PREFIX=$words[-1]
_valence
"""
#: has what the package bash-completion brings
BASH = """
_get_comp_words_by_ref() {{ words=({words}); cur=${{words[-1]}}; prev=${{words[-2]}}; }}
source {file}
_valence
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
SHELLS = {"zsh": ["zsh", "-f", "-c", ZSH], "bash": ["bash", "--norc", "-c", BASH]}


class CompletionTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        for shell in SHELLS:
            printed = self.useFixture(console.Console()).run("complete", "--shell", shell)
            (self.folder / shell).write_text(printed.out)

    def proposed(self, shell, *words):
        """Return what a shell proposes for the last word."""
        *command, text = SHELLS[shell]
        quoted = " ".join(f"'{word}'" for word in ("valence", *words))
        script = text.format(file=self.folder / shell, words=quoted)
        done = subprocess.run(
            [*command, script], text=True, capture_output=True, timeout=180, cwd=self.folder
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.split()

    def test_commands_and_options(self):
        for shell in SHELLS:
            self.assertIn("introspection", self.proposed(shell, "intr"))
            self.assertIn("manager", self.proposed(shell, "pod", ""))
            self.assertIn("unset", self.proposed(shell, "pod", "manager", "u"))
            self.assertIn("--flavor", self.proposed(shell, "node", "create", "web-3", "--fl"))
            self.assertNotIn("--flavor", self.proposed(shell, "node", "list", "--"))

    def test_arguments_may_be_files(self):
        self.assertEqual(["files"], self.proposed("zsh", "node", "create", "we"))
        self.assertEqual(["zsh"], self.proposed("bash", "node", "create", "zs"))

    def test_zsh_learns_of_the_function_when_the_file_is_sourced(self):
        script = ZSH.format(file=self.folder / "zsh", words="valence").partition("words=")[0]
        done = subprocess.run(["zsh", "-f", "-c", script], text=True, capture_output=True, timeout=180)
        self.assertEqual(("", "_valence valence\n"), (done.stdout, done.stderr))

    def test_zsh_finds_the_function_in_a_file_of_its_name(self):
        folder = self.make_folder()
        (folder / "_valence").write_text((self.folder / "zsh").read_text())
        script = f"{ZSH.partition('source')[0].format()}fpath=({folder} $fpath); autoload -U _valence\n"
        script += "words=(valence intr) CURRENT=2 PREFIX=intr; _valence"
        done = subprocess.run(["zsh", "-f", "-c", script], text=True, capture_output=True, timeout=180)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("introspection", done.stdout.split())
