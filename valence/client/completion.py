# SPDX-License-Identifier: Apache-2.0
"""The completion of zsh, for cliff's ``complete --shell zsh``; cliff itself writes that of bash alone.

What cliff writes for bash cannot be used in zsh by its bashcompinit: it needs a function of the package
bash-completion, and expands variables as only bash does.
"""

import typing

from cliff import complete

_HEADER = """\
#compdef {name}

_{function}() {{
  local command completed name word
  local -A after
  # After each command, by its words with _ between them: the next words, or its options.
  after=(
"""
_TRAILER = """\
  )
  completed=$after[start]
  for word in ${(@)words[2,CURRENT-1]}; do
    [[ $word == -* ]] && break
    name=${command:+${command}_}${word//-/_}
    (( $+after[$name] )) || break
    command=$name completed=$after[$name]
  done
  if [[ $completed == -* && $PREFIX != -* ]]; then
    _files
  else
    compadd -- ${=completed}
  fi
}
"""
#: a file in a folder of $fpath is the function itself; one that is sourced has to be made known
_END = """
if [[ $funcstack[1] == _{function} ]]; then
  _{function} "$@"
else
  compdef _{function} {name}
fi
"""


class CompleteZsh(complete.CompleteShellBase):
    """Writes a completion of zsh."""

    def get_header(self) -> str:
        return _HEADER.format(name=self.name, function=self.escaped_name)

    def get_trailer(self) -> str:
        return _TRAILER + _END.format(name=self.name, function=self.escaped_name)

    def write(self, cmdo: str, data: typing.Iterable[tuple[str, str]]) -> None:
        """Write the function; ``cmdo`` are the first words, ``data`` are those after each command."""
        rows = [("start", cmdo), *((name.replace("-", "_"), words) for name, words in data)]
        table = "".join(f"    {name} '{words}'\n" for name, words in rows)
        self.output.write(self.get_header() + table + self.get_trailer())
