# SPDX-License-Identifier: Apache-2.0
"""Log records that no input can break: one line, of bounded length, without secrets of URLs.

A record class does it, so that it holds for every library, handler and format of the process. Names, URLs and messages
come from clients, pod managers and brokers: a newline in one of them would look like a line of its own.
"""

import logging
import re
import urllib.parse

#: parameters of URLs whose values are secrets: they are in no log and in no error
SECRET_PARAMETERS = ("token", "password", "access_token", "auth_token", "x-auth-token", "secret", "api_key")
MASK = "***"
#: longest message, and longest traceback, in characters
LONGEST_MESSAGE, LONGEST_TRACEBACK = 4096, 32768

_SECRET = re.compile(rf"([?&;](?:{'|'.join(map(re.escape, SECRET_PARAMETERS))})=)[^&;\s'\"#]+", re.IGNORECASE)


class Record(logging.LogRecord):
    """A log record whose message is one printable line; a traceback keeps its lines."""

    def getMessage(self) -> str:
        return printable(shortened(masked(super().getMessage()), LONGEST_MESSAGE))

    @property
    def exc_text(self) -> str | None:
        """The traceback as a formatter made it."""
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = text and printable(shortened(masked(text), LONGEST_TRACEBACK), keep="\n")

    @property
    def error_summary(self) -> str:
        """The last line of the traceback, which oslo.log adds to the message; nothing where none was asked for.

        Otherwise it adds the exception that is being handled, which most messages tell already.
        """
        return str(self.__dict__.get("error_summary", "")) if self.exc_info else ""

    @error_summary.setter
    def error_summary(self, text: str) -> None:
        # Formats take it from there.
        self.__dict__["error_summary"] = text


def protect() -> None:
    """Let all records of this process be made by ``Record`` from now on."""
    logging.setLogRecordFactory(Record)


def printable(text: str, keep: str = "") -> str:
    """Return ``text`` with all characters that do not print, apart from those in ``keep``, as Python escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _escaped(each) for each in text)


def shortened(text: str, longest: int) -> str:
    """Return ``text``, or its beginning and end around the number of characters that were left out."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"


def masked(text: str) -> str:
    """Return ``text`` with the values of secret parameters of URLs in it masked."""
    return _SECRET.sub(rf"\1{MASK}", text) if "=" in text else text


def masked_query(query: str) -> str:
    """Return the query of a URL, still encoded, with the values of secret parameters masked, however written."""
    return "&".join(_masked_pair(pair) for pair in query.split("&"))


def _masked_pair(pair: str) -> str:
    name, _, value = pair.partition("=")
    is_secret = urllib.parse.unquote_plus(name).strip().lower() in SECRET_PARAMETERS
    return f"{name}={MASK}" if is_secret and value else pair


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
