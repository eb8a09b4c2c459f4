# SPDX-License-Identifier: Apache-2.0
"""The version of this Valence, as pbr derives it from tags."""

from importlib import metadata


def _installed():
    try:
        return metadata.version("valence")
    except metadata.PackageNotFoundError:
        return "0.0.0"


#: Read once: an upgrade of the files does not change the code that runs.
_VERSION = _installed()


def version_string():
    """Return the version of the running code, ``0.0.0`` when it runs from a folder that was never installed."""
    return _VERSION
