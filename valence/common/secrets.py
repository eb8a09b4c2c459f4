# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest: secrets are Fernet tokens, made with the newest key of a file that all conductors share.

The file has one key a line, the newest first; empty lines and lines that start with # are skipped. It is read
again whenever it changes, so that a key can be added while conductors run.
"""

import contextlib
import logging
import os
import pathlib
import stat
import tempfile
import typing

from cryptography import fernet
from oslo_config import cfg

from valence.common import errors

LOG = logging.getLogger(__name__)
#: what a token raises that was not made here; ValueError for characters that no token has
UNREADABLE = (fernet.InvalidToken, ValueError)
HEADER = """\
# Keys that Valence encrypts secrets with, the newest first.
# Whoever has this file and the database has the secrets.
"""


def key_file(conf: cfg.ConfigOpts) -> pathlib.Path:
    """Return the path of the key file that ``conf`` means."""
    return pathlib.Path(conf.secrets.key_file or pathlib.Path(conf.state_dir) / "secrets.keys")


def load(conf: cfg.ConfigOpts) -> "Cipher":
    """Return the Cipher of the key file; raise KeysUnusable."""
    return Cipher(key_file(conf))


def create(path: pathlib.Path) -> None:
    """Make a key file with one new key, readable for its owner only; raise KeysUnusable when there is one."""
    try:
        with open(path, "x", opener=_private) as file:
            file.write(HEADER + _new_key())
    except OSError as error:
        raise errors.KeysUnusable(file=str(path), reason=f"it cannot be made: {error.strerror}") from error


def add_key(path: pathlib.Path) -> None:
    """Put a new key in front of the others; raise KeysUnusable. Readers see the old or the new file, never a part."""
    Cipher(path)
    try:
        _replace(path, HEADER + _new_key() + path.read_text().removeprefix(HEADER))
    except OSError as error:
        raise errors.KeysUnusable(file=str(path), reason=f"it cannot be written: {error.strerror}") from error


class Cipher:
    """Encrypts and decrypts strings with the keys of a file."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._keys: _Keys | None = None
        self._current()

    def encrypt(self, text: str) -> str:
        """Return the token of a text, made with the newest key."""
        return self._current().encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the text of a token; raise SecretUnreadable when none of the keys made it."""
        with self._readable():
            return self._current().decrypt(token).decode()

    def renew(self, token: str) -> str:
        """Return a token of the same text that the newest key made, the same one if it did; raise SecretUnreadable."""
        keys = self._current()
        try:
            keys.newest.decrypt(token)
        except UNREADABLE:
            with self._readable():
                return keys.rotate(token).decode()
        return token

    @contextlib.contextmanager
    def _readable(self) -> typing.Iterator[None]:
        try:
            yield
        except UNREADABLE:
            raise errors.SecretUnreadable(file=str(self._path)) from None

    def _current(self) -> "_Keys":
        """Return the keys, read again if the file is another one than before."""
        seen = _state_of(self._path)
        if self._keys is None or seen != self._seen:
            self._seen = seen
            self._read()
        return typing.cast(_Keys, self._keys)

    def _read(self) -> None:
        try:
            self._keys = _read(self._path)
        except errors.KeysUnusable as error:
            if self._keys is None:
                raise
            LOG.warning("%s Going on with the keys of before.", error.detail)


class Sealed:
    """Stands for a Cipher where secrets are only moved: tokens pass as they are, no key is needed."""

    def encrypt(self, token: str) -> str:
        """Return the token itself."""
        return token

    def decrypt(self, token: str) -> str:
        """Return the token itself."""
        return token


class _Keys(fernet.MultiFernet):
    def __init__(self, keys: list[fernet.Fernet]) -> None:
        super().__init__(keys)
        self.newest = keys[0]


def _state_of(path: pathlib.Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: pathlib.Path) -> _Keys:
    try:
        lines = path.read_text(errors="replace").splitlines()
        mode = path.stat().st_mode
    except OSError as error:
        raise errors.KeysUnusable(file=str(path), reason=error.strerror) from error
    if mode & stat.S_IROTH:
        reason = "everybody may read it; take that right away: chmod o-r"
        raise errors.KeysUnusable(file=str(path), reason=reason)
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    keys = [_key(path, number, line) for number, line in numbered if line and not line.startswith("#")]
    if not keys:
        raise errors.KeysUnusable(file=str(path), reason="it has no key")
    return _Keys(keys)


def _key(path: pathlib.Path, number: int, line: str) -> fernet.Fernet:
    try:
        return fernet.Fernet(line)
    except ValueError:
        raise errors.KeysUnusable(file=str(path), reason=f"line {number} is not a Fernet key") from None


def _new_key() -> str:
    return fernet.Fernet.generate_key().decode() + "\n"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _replace(path: pathlib.Path, text: str) -> None:
    """Write a file at once, with the owner and the rights of the one before."""
    before = path.stat()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with open(descriptor, "w") as file:
        file.write(text)
        os.fchown(descriptor, before.st_uid, before.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
    os.replace(name, path)
