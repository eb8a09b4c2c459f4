# SPDX-License-Identifier: Apache-2.0
"""The version of this Valence, as pbr derives it from tags."""

from importlib import metadata


def version_string():
    """Return the installed version, ``0.0.0`` when Valence runs from a folder that was never installed."""
    try:
        return metadata.version("valence")
    except metadata.PackageNotFoundError:
        return "0.0.0"
