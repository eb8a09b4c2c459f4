# SPDX-License-Identifier: Apache-2.0
"""``client-commands`` documents the commands of ``valence`` that match a pattern, from the parsers of the commands."""

import fnmatch

from cliff import sphinxext

from valence.client import shell


class ClientCommands(sphinxext.AutoprogramCliffDirective):
    """cliff's directive, for commands that are no entry points of their own."""

    def _load_commands(self):
        manager = shell.Commands(self.arguments[0])
        return {
            name: self._load_command(manager, name)
            for name in manager.commands
            if fnmatch.fnmatch(name, self.options["command"])
        }


def setup(app):
    """Add the directive to Sphinx."""
    app.setup_extension("cliff.sphinxext")
    app.add_directive("client-commands", ClientCommands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
