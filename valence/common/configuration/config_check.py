# SPDX-License-Identifier: Apache-2.0
"""Checks configuration files before they are used: every value, and options and sections that do not exist.

oslo.config finds an invalid value only when it is read, by then in any thread, and ignores what it does not know.
"""

import difflib
import typing
from importlib import metadata

from oslo_config import cfg
from oslo_config import types

from valence.common import errors

#: entry points that list options, tried in this order for what is not known yet: importing some of them costs a second
LISTS = (
    "valence.db",
    "oslo.log",
    "oslo.messaging",
    "oslo.policy",
    "valence.introspection",
    "oslo.middleware.cors",
    "keystonemiddleware.auth_token",
)
#: options of oslo.config itself
OWN = ("config_file", "config_dir", "config_source")
#: a section with this option takes the options of the plug-in that it names as well
PLUGIN = "auth_type"
LIKE = 0.6


class Given(typing.NamedTuple):
    """An option in a file."""

    file: str
    section: str
    name: str
    values: list[str]

    @property
    def place(self) -> str:
        return f"{self.file}: [{self.section}] {self.name}"


def check(files: typing.Iterable[str], options: typing.Iterable[tuple[typing.Any, typing.Any]]) -> list[str]:
    """Return warnings about what no option is; ``options`` are ``(section, [option])`` pairs that are known already.

    Raises ConfigurationInvalid with every invalid value, or with why a file cannot be read.
    """
    given = [each for file in files for each in read(file)]
    known = Known(options)
    plugins = {(each.file, each.section) for each in given if each.name == PLUGIN}
    problems, warnings = [], []
    for each in given:
        option = known.find(each)
        if option is not None:
            problems += invalid(each, option)
        elif each.name not in OWN and (each.file, each.section) not in plugins:
            warnings.append(known.unknown(each))
    if problems:
        raise errors.ConfigurationInvalid(problems=problems)
    return list(dict.fromkeys(warnings))


def read(file: str) -> list[Given]:
    """Return what a file gives; raise ConfigurationInvalid."""
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(file, sections).parse()
    except OSError as error:
        raise _unreadable(f"{file}: {error.strerror}.") from None
    except (cfg.ParseError, UnicodeDecodeError) as error:
        raise _unreadable(f"{file}: {error}.") from None
    return [
        Given(file, section, name.replace("-", "_"), values)
        for section, found in sections.items()
        for name, values in found.items()
    ]


def invalid(given: Given, option: cfg.Opt) -> list[errors.Problem]:
    """Return the problem with the values of an option, if there is one, in a list."""
    values = given.values if option.multi else given.values[-1:]
    for value in values:
        if "$" in value:
            continue  # it names another option; whoever reads it finds out
        try:
            option.type(value)
        except ValueError as error:
            # The text of the error may show the value.
            wrong = "that value is not valid" if option.secret else f"{value!r} is not valid: {error}"
            detail = f"{given.place}: {wrong}."
            return [{"detail": detail, "hint": f"Allowed is {allowed(option.type)}."}]
    return []


def allowed(kind: typing.Any) -> str:
    """Return what values a type of oslo.config takes."""
    if isinstance(kind, types.Boolean):
        return "true or false"
    if choices := getattr(kind, "choices", None):
        return "one of " + ", ".join(map(str, choices))
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    limits = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
    name = getattr(kind, "type_name", None) or type(kind).__name__
    article = "an" if name[0] in "aeiou" else "a"
    return ", ".join([f"{article} {name}", *limits])


class Known:
    """The options that exist, by section and name; lists of libraries are loaded when they are needed."""

    def __init__(self, options: typing.Iterable[tuple[typing.Any, typing.Any]]) -> None:
        self._options: dict[str, dict[str, typing.Any]] = {}
        self._lists = list(LISTS)
        self._add(options)

    def find(self, given: Given) -> cfg.Opt | None:
        """Return the option that is given, or None."""
        while (option := self._get(given)) is None and self._lists:
            self._load(self._lists.pop(0))
        return option

    def unknown(self, given: Given) -> str:
        """Return a warning about an option that does not exist, with the one that was probably meant."""
        if given.section not in self._options:
            return f"{given.file}: there is no section [{given.section}]{self._like_section(given)}"
        return f"{given.place}: there is no such option{self._like_option(given)}"

    def _get(self, given: Given) -> cfg.Opt | None:
        return self._options.get(given.section, {}).get(given.name)

    def _like_section(self, given: Given) -> str:
        like = difflib.get_close_matches(given.section, self._options, 1, LIKE)
        return f"; did you mean [{like[0]}]?" if like else ", it is ignored"

    def _like_option(self, given: Given) -> str:
        elsewhere = [section for section, found in self._options.items() if given.name in found]
        like = difflib.get_close_matches(given.name, self._options[given.section], 1, LIKE)
        meant = [f"[{section}] {given.name}" for section in elsewhere[:1]] or like
        return f"; did you mean {meant[0]}?" if meant else ", it is ignored"

    def _load(self, name: str) -> None:
        for found in metadata.entry_points(group="oslo.config.opts", name=name):
            self._add(found.load()())

    def _add(self, options: typing.Iterable[tuple[typing.Any, typing.Any]]) -> None:
        for group, found in options:
            section = getattr(group, "name", group) or "DEFAULT"
            for option in found:
                self._options.setdefault(section, {})[option.dest] = option
                for old in option.deprecated_opts:
                    name = (old.name or option.dest).replace("-", "_")
                    self._options.setdefault(old.group or section, {}).setdefault(name, option)


def _unreadable(detail: str) -> errors.ConfigurationInvalid:
    hint = "Make it a file that this process can read, of sections and options."
    return errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}])
