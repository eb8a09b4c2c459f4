# SPDX-License-Identifier: Apache-2.0
"""Checks configuration files before they are used: values, and unknown or deprecated options and sections.

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
    "valence.ironic",
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


class Warned(typing.NamedTuple):
    """A warning about an option in a file: ``kind`` is ``option``, ``section`` or ``deprecated``."""

    kind: str
    file: str
    text: str


class Examined(typing.NamedTuple):
    """What configuration files give: ``options`` pairs each Given with its option, None for one that is unknown."""

    options: list[tuple[Given, cfg.Opt | None]]
    problems: list[errors.Problem]
    warnings: list[Warned]


def check(files: typing.Iterable[str], options: typing.Iterable[tuple[typing.Any, typing.Any]]) -> list[str]:
    """Return warnings about unknown and deprecated options; ``options`` are known ``(section, [option])`` pairs.

    Raises ConfigurationInvalid with every invalid value, or with the reason why a file cannot be read.
    """
    examined = examine([each for file in files for each in read(file)], options)
    if examined.problems:
        raise errors.ConfigurationInvalid(problems=examined.problems)
    return list(dict.fromkeys(each.text for each in examined.warnings))


def examine(
    given: typing.Iterable[Given], options: typing.Iterable[tuple[typing.Any, typing.Any]]
) -> Examined:
    """Compare what files give with the options that exist; ``options`` as for ``check``."""
    given = list(given)
    known = Known(options)
    plugins = {(each.file, each.section) for each in given if each.name == PLUGIN}
    examined = Examined([], [], [])
    for each in given:
        option = known.find(each)
        examined.options.append((each, option))
        if option is not None:
            examined.problems.extend(invalid(each, option))
            examined.warnings.extend(known.deprecated(each, option))
        elif each.name not in OWN and (each.file, each.section) not in plugins:
            examined.warnings.append(known.unknown(each))
    return examined


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


def missing(conf: cfg.ConfigOpts, cli: typing.Iterable[cfg.Opt], prog: str) -> errors.ConfigurationInvalid:
    """Return the error that names every required option of a command line which is not given."""
    problems: list[errors.Problem] = [
        {"detail": f"--{option.name} is missing.", "hint": f"{option.help} See {prog} --help."}
        for option in cli
        if option.required and conf[option.dest] is None
    ]
    return errors.ConfigurationInvalid(problems=problems)


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
        #: options by section and present name, without deprecated names
        self._present: dict[tuple[str, str], cfg.Opt] = {}
        self._lists = list(LISTS)
        self._add(options)

    def find(self, given: Given) -> cfg.Opt | None:
        """Return the option that is given, or None."""
        while (option := self._get(given)) is None and self._lists:
            self._load(self._lists.pop(0))
        return option

    def unknown(self, given: Given) -> Warned:
        """Return a warning about an option that does not exist, with the one that was probably meant."""
        if given.section not in self._options:
            text = f"{given.file}: there is no section [{given.section}]{self._like_section(given)}"
            return Warned("section", given.file, text)
        text = f"{given.place}: there is no such option{self._like_option(given)}"
        return Warned("option", given.file, text)

    def deprecated(self, given: Given, option: cfg.Opt) -> list[Warned]:
        """Return the warning about an option that has another name now, or will be removed, in a list."""
        if self._present.get((given.section, given.name)) is not option:
            section = next(section for (section, _), each in self._present.items() if each is option)
            text = f"{given.place}: this name is deprecated; the option is [{section}] {option.dest} now"
        elif option.deprecated_for_removal:
            reason = " ".join((option.deprecated_reason or "").split())
            text = f"{given.place}: this option is deprecated and will be removed. {reason}".rstrip(" .")
        else:
            return []
        return [Warned("deprecated", given.file, text)]

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
                self._present[section, option.dest] = option
                for old in option.deprecated_opts:
                    name = (old.name or option.dest).replace("-", "_")
                    self._options.setdefault(old.group or section, {}).setdefault(name, option)


def _unreadable(detail: str) -> errors.ConfigurationInvalid:
    hint = "Make it a file that this process can read, of sections and options."
    return errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}])
