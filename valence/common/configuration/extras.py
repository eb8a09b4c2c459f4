# SPDX-License-Identifier: Apache-2.0
"""Packages that only some installations need, the extras of Valence that bring them, and installed plug-ins."""

import contextlib
import functools
from collections.abc import Iterator
from importlib import metadata

from valence.common import errors

#: what is imported -> the package, and the extras that require it
PACKAGES = {
    "aiohttp": ("aiohttp", ["simulator"]),
    "etcd": ("python-etcd", ["etcd"]),
    "etcd3gw": ("etcd3gw", ["etcd"]),
    "keystoneauth1": ("keystoneauth1", ["keystone", "swift", "ironic"]),
    "keystonemiddleware": ("keystonemiddleware", ["keystone"]),
    "memcache": ("python-memcached", ["keystone"]),
    "openstack": ("openstacksdk", ["swift", "ironic"]),
    "psycopg": ("psycopg", ["postgresql"]),
    "pymysql": ("PyMySQL", ["mysql"]),
}


class PackageMissing(errors.ValenceError):
    """A package that this configuration needs is not installed: ``package``, ``extra``."""

    code = "valence.package_missing"
    message = "The package {package} is not installed, which this configuration needs."
    hint = "Install it into the environment of Valence: pip install 'valence[{extra}]'."


@contextlib.contextmanager
def required(by: str = "") -> Iterator[None]:
    """Raise PackageMissing where an import within fails for the lack of a package; ``by`` may be an extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        package, extras = PACKAGES.get((error.name or "").partition(".")[0], (None, []))
        if package is None:
            raise
        raise PackageMissing(package=package, extra=by if by in extras else extras[0]) from None


@functools.cache
def entry_points(group: str) -> frozenset[str]:
    """Return the names of the entry points of a group; a process reads the metadata of all packages once: 8 ms."""
    return frozenset(metadata.entry_points(group=group).names)
