# SPDX-License-Identifier: Apache-2.0
"""Write the libraries of the screen from the npm registry: ``python -m tests.ui.vendor``.

The archives are compared with the digests below. To update a library, change its version and digest, which ``npm view
NAME dist.integrity`` prints, run this, and run the tests of the screen.
"""

import base64
import hashlib
import io
import pathlib
import tarfile
import typing
import urllib.request

FOLDER = pathlib.Path(__file__).parents[2] / "valence/api/ui/static/vendor"
REGISTRY = "https://registry.npmjs.org"
#: file with the version of each library and the digest of each file
VERSIONS = "versions.txt"


class Library(typing.NamedTuple):
    """A package of the registry: its version, the digest of its archive, and file in the archive -> file here."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]


LIBRARIES = (
    # One module with htm, Preact and its hooks, as htm publishes it.
    Library(
        "htm",
        "3.1.1",
        "sha512-983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"preact/standalone.module.js": "preact.js", "LICENSE": "LICENSE.htm.txt"},
    ),
    # The licence of what that module contains.
    Library(
        "preact",
        "11.2.0",
        "sha512-/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        {"LICENSE": "LICENSE.preact.txt"},
    ),
)


def main() -> None:
    """Download the archives, check them, and write their files and VERSIONS."""
    lines = []
    for library in LIBRARIES:
        archive = download(library)
        for source, target in library.files.items():
            data = member(archive, source)
            FOLDER.joinpath(target).write_bytes(data)
            lines.append(
                f"{library.name} {library.version} {target} sha256:{hashlib.sha256(data).hexdigest()}\n"
            )
    FOLDER.joinpath(VERSIONS).write_text("".join(lines))


def download(library: Library) -> bytes:
    """Return the archive of a library; raise ValueError unless it has the digest."""
    url = f"{REGISTRY}/{library.name}/-/{library.name}-{library.version}.tgz"
    with urllib.request.urlopen(url, timeout=60) as response:
        data = response.read()
    found = f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
    if found != library.integrity:
        raise ValueError(f"{url} has the digest {found}, not {library.integrity}.")
    return data


def member(archive: bytes, name: str) -> bytes:
    """Return a file of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return files.extractfile(f"package/{name}").read()


if __name__ == "__main__":
    main()
