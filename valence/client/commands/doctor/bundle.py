# SPDX-License-Identifier: Apache-2.0
"""The archive for the report of a bug: findings and documents, without secrets."""

import io
import json
import os
import platform
import re
import tarfile
import time
import typing
from collections import abc

from valence import version
from valence.client import redaction
from valence.client.commands.doctor import report as reports

HIDDEN = "***"
#: name of the folder in the archive
FOLDER = "valence-doctor"
#: user name and password in a URL
LOGIN = re.compile(r"://[^/\s\"]*@")


def write(path: str, report: reports.Report) -> None:
    """Write the archive to a new file, which only its owner can read; raise OSError."""
    documents = report.documents | {
        "findings.json": [each._asdict() for each in report.findings],
        "checked.json": report.checked,
    }
    documents.setdefault(
        "versions.json", {"valence": version.version_string(), "python": platform.python_version()}
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, document in sorted(documents.items()):
            data = _text(redacted(document, report.secrets)).encode()
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
            archive.addfile(member, io.BytesIO(data))


def redacted(document: typing.Any, secrets: typing.Collection[str]) -> typing.Any:
    """Return a document without these secrets, logins in URLs, and values of secret fields.

    Only the strings in it change, not the names of fields: the JSON text of the result stays valid.
    """
    if isinstance(document, str):
        return _redacted(document, secrets)
    if isinstance(document, abc.Mapping):
        return {
            name: HIDDEN if name in redaction.SECRETS and isinstance(value, str) else redacted(value, secrets)
            for name, value in document.items()
        }
    if isinstance(document, abc.Sequence):
        return [redacted(each, secrets) for each in document]
    return document


def _redacted(text: str, secrets: typing.Collection[str]) -> str:
    text = LOGIN.sub(f"://{HIDDEN}@", redaction.hide(text))
    # The longest first: one may be a part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        # A text may quote JSON.
        for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            text = text.replace(form, HIDDEN)
    return text


def _text(document: typing.Any) -> str:
    if isinstance(document, str):
        return document
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
