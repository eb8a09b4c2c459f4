# SPDX-License-Identifier: Apache-2.0
"""Check of the configuration files, and the form in which an archive has them: without comments and secrets."""

import re
import typing
import urllib.parse

from oslo_config import types

from valence.common.configuration import config

HIDDEN = "***"
#: what stands before the password in a URL
SCHEME = re.compile(r"^\s*([a-z][a-z0-9+.-]*://)", re.IGNORECASE)
#: user name and password in a URL
LOGIN = re.compile(r"://([^/\s]*)@")
#: parts of names of options that tell of a secret, for options that are unknown
TELLING = ("pass", "secret", "token", "key", "connection", "url")
#: parts of names of known options with a secret that their library does not mark as one
UNMARKED = ("pass", "secret", "connection_parameters")
#: values of unknown options that are no secrets, whatever the name is
PLAIN = re.compile(r"\s*(true|false|yes|no|on|off|none|[-+]?\d+(\.\d+)?)\s*", re.IGNORECASE)
#: shorter secrets are not searched for elsewhere: they may be parts of words
SHORTEST = 4


class Examined(typing.NamedTuple):
    """The files that were read, pairs of what they give and its option, and the files that have secrets."""

    paths: list[str]
    options: list
    secret_files: set[str]

    def value(self, section, name):
        """Return the text that the last file with an option gives it, None without any."""
        given = [each.values[-1] for each, _ in self.options if (each.section, each.name) == (section, name)]
        return given[-1] if given else None

    @property
    def is_all_in_one(self):
        """Whether these are the files of a valence-all-in-one: no broker and no server of a database is named."""
        return not self.value("database", "connection") and not self._broker

    @property
    def has_broker(self):
        """Whether processes are joined by a broker; the default one where a server of a database is named."""
        is_embedded = (self.value("database", "connection") or "sqlite:").startswith("sqlite:")
        url = self.value("DEFAULT", "transport_url")
        return bool(self._broker) or (url is None and not is_embedded)

    @property
    def _broker(self):
        url = self.value("DEFAULT", "transport_url") or "local:"
        return None if url.startswith("local:") else url


def examine(report, paths):
    """Add what is wrong with the files to a report; return what they give."""
    examined = config.examine(paths)
    for problem in examined.problems:
        # A problem with a value has its file in the text.
        file = next((path for path in paths if problem["detail"].startswith(f"{path}: ")), paths[0])
        check = "config.file" if "path" in problem else "config.value"
        report.add(check, problem["detail"], problem["hint"], file=problem.get("path", file))
    for each in examined.warnings:
        found, _, reason = each.text.partition(": there is no such option")
        reason = f"There is no such option{reason}" if reason else ""
        report.add(f"config.{each.kind}", found, reason, file=each.file)
    secret_files = {given.file for given, option in examined.options if _secrets(given, option)}
    for given, option in examined.options:
        report.secrets |= {each for each in _secrets(given, option) if len(each) >= SHORTEST}
    report.documents["configuration.txt"] = redacted(examined.options)
    return Examined(list(paths), examined.options, secret_files)


def redacted(options):
    """Return what files give as a text without secrets; values of unknown options are hidden."""
    lines, place = [], None
    for given, option in options:
        if place != (given.file, given.section):
            lines += [f"# {given.file}"] * (place is None or place[0] != given.file) + [f"[{given.section}]"]
            place = given.file, given.section
        lines += [f"{given.name} = {_shown(value, option)}" for value in given.values]
    return "\n".join([*lines, ""])


def _shown(value, option):
    if option is not None and not _is_secret(option):
        return LOGIN.sub(f"://{HIDDEN}@", value)
    scheme = SCHEME.match(value)
    return f"{scheme[1]}{HIDDEN}" if option is not None and scheme else HIDDEN


def _is_secret(option):
    """Return whether a known option has a secret; oslo.messaging and oslo.db do not mark all of theirs."""
    is_text = isinstance(option.type, types.String)
    return option.secret or (is_text and any(each in option.dest for each in UNMARKED))


def _logins(value):
    """Return the logins in a URL, all but the last with the host that follows."""
    return [part for logins in LOGIN.findall(value) for part in logins.split(",")]


def _parameters(value):
    """Return the secrets in the query of a URL, or in parameters such as ``password=…&charset=…``."""
    given = urllib.parse.parse_qsl(value.partition("?")[2] or value)
    return {text for name, text in given if any(each in name.lower() for each in ("pass", "secret"))}


def _secrets(given, option):
    """Return the secrets in the values of an option: whole values, and logins and parameters in URLs."""
    # A transport URL may have several hosts, each with a login.
    logins = [each.rpartition("@")[0] or each for value in given.values for each in _logins(value)]
    passwords = {login.partition(":")[2] for login in logins}
    found = {*logins, *passwords, *map(urllib.parse.unquote, passwords)}
    if option is not None:
        is_secret, values = _is_secret(option), given.values
    else:
        is_secret = any(each in given.name for each in TELLING)
        values = [value for value in given.values if not PLAIN.fullmatch(value)]
    if is_secret:
        found |= {text for value in values for text in _parameters(value)}
    # A URL is as secret as the login in it, and parameters are as secret as the password among them.
    is_whole = is_secret and given.name != "connection_parameters"
    whole = [value for value in values if is_whole and not SCHEME.match(value)]
    return {each for each in [*found, *whole] if each.strip()}
