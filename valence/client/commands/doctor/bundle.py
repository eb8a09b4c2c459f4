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
            data = redacted(_text(document), report.secrets).encode()
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
            archive.addfile(member, io.BytesIO(data))


def redacted(text: str, secrets: typing.Collection[str]) -> str:
    """Return a text without these secrets, logins in URLs, and values of secret fields in JSON."""
    text = LOGIN.sub(f"://{HIDDEN}@", redaction.hide(text))
    # The longest first: one may be a part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            text = text.replace(form, HIDDEN)
    return text


def _text(document: typing.Any) -> str:
    if isinstance(document, str):
        return document
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
