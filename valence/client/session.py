# SPDX-License-Identifier: Apache-2.0
"""Where the command line finds Valence, and how it signs in: clouds.yaml, a plug-in of keystoneauth1, or not at all.

What is given on the command line comes before the environment, and both before the defaults.
"""

import argparse
import getpass
import os
import sys
import typing
from collections import abc

from valence import client

if typing.TYPE_CHECKING:
    from valence.client import rack

#: options without which nothing of keystoneauth1 has to be imported to parse the command line
_PLUGIN = ("--os-auth", "--os-username", "--os-token", "--os-application-credential")


def add_arguments(parser: argparse.ArgumentParser, argv: abc.Sequence[str]) -> None:
    """Add the options of the connection; those of a way to sign in only if the command line or environment has one."""
    group = parser.add_argument_group("connection")
    group.add_argument(
        "--endpoint",
        metavar="URL",
        default=os.environ.get("VALENCE_ENDPOINT"),
        help=f"URL of Valence; by default that of the catalogue, without Keystone {client.URL}. (VALENCE_ENDPOINT)",
    )
    # A way to sign in that is given here comes before a cloud of the environment.
    cloud = None if any(each.startswith("--os-auth") for each in argv) else os.environ.get("OS_CLOUD")
    group.add_argument("--os-cloud", default=cloud, help="Cloud of clouds.yaml. (OS_CLOUD)")
    group.add_argument(
        "--os-region-name",
        metavar="NAME",
        default=os.environ.get("OS_REGION_NAME"),
        help="Region of the catalogue. (OS_REGION_NAME)",
    )
    group.add_argument(
        "--os-interface",
        metavar="NAME",
        default=os.environ.get("OS_INTERFACE"),
        help="Interface of the catalogue, such as internal; by default public. (OS_INTERFACE)",
    )
    group.add_argument(
        "--os-cacert", default=os.environ.get("OS_CACERT"), help="File of authorities of TLS. (OS_CACERT)"
    )
    group.add_argument("--insecure", action="store_true", help="Do not check certificates.")
    if not _uses_plugin(argv):
        group.add_argument(
            "--os-auth-type",
            metavar="NAME",
            help="Plug-in of keystoneauth1 to sign in with, such as password or http_basic; its options follow it. "
            "Secrets belong into the environment, OS_PASSWORD, or into clouds.yaml. (OS_AUTH_TYPE)",
        )
        return
    from keystoneauth1 import exceptions  # noqa: PLC0415  they take longer than all the rest of --help
    from keystoneauth1 import loading  # noqa: PLC0415

    _check_type(parser, argv)
    is_url = bool(os.environ.get("OS_AUTH_URL")) or any(each.startswith("--os-auth-url") for each in argv)
    try:
        loading.register_auth_argparse_arguments(
            parser, list(argv), default="password" if is_url else "http_basic"
        )
    except exceptions.NoMatchingPlugin as error:
        names = ", ".join(sorted(loading.get_available_plugin_names()))
        parser.error(f"There is no way to sign in named {error.name}; they are: {names}")


def connect(options: argparse.Namespace) -> "rack.Rack":
    """Return a client as the options say."""
    if options.os_cacert and not os.path.exists(options.os_cacert):
        hint = "Name a file with the certificates of authorities (PEM): --os-cacert or OS_CACERT."
        raise ValueError(f"There is no file {options.os_cacert}. {hint}")
    verify = False if options.insecure else options.os_cacert or True
    if options.os_cloud:
        return _of_cloud(options, verify)
    if not options.os_auth_type:
        return client.connect(options.endpoint, verify=verify)
    from keystoneauth1 import loading  # noqa: PLC0415
    from keystoneauth1 import session as sessions  # noqa: PLC0415

    if (
        getattr(options, "os_username", None)
        and getattr(options, "os_password", "") is None
        and sys.stdin.isatty()
    ):
        options.os_password = getpass.getpass(f"Password of {options.os_username}: ")
    plugin = loading.load_auth_from_argparse_arguments(options)
    session = sessions.Session(auth=plugin, verify=verify, timeout=client.TIMEOUT)
    # Plug-ins of Keystone have its URL; others have no catalogue.
    elsewhere = None if hasattr(plugin, "auth_url") else getattr(plugin, "endpoint", None) or client.URL
    url = options.endpoint or elsewhere
    return client.connect(url, session=session, **_where(options))


def _of_cloud(options: argparse.Namespace, verify: bool | str) -> "rack.Rack":
    """Return a client of a cloud of clouds.yaml, which openstacksdk reads."""
    import openstack  # noqa: PLC0415  takes a second of CPU time

    region = openstack.config.OpenStackConfig().get_one(options.os_cloud, **_where(options))
    session = region.get_session()
    if verify is not True:
        session.verify = verify
    return client.connect(
        options.endpoint or region.get_endpoint(client.SERVICE_TYPE),
        session=session,
        region_name=region.get_region_name(client.SERVICE_TYPE),
        interface=region.get_interface(client.SERVICE_TYPE),
    )


def _where(options: argparse.Namespace) -> dict[str, typing.Any]:
    """Return which endpoint of a catalogue is wanted, as far as it is given."""
    given = {"region_name": options.os_region_name, "interface": options.os_interface}
    return {name: value for name, value in given.items() if value}


def _check_type(parser: argparse.ArgumentParser, argv: abc.Sequence[str]) -> None:
    """Report a way to sign in without its name as ``parser`` does; that of keystoneauth1 does so in its own form."""
    mine = argparse.ArgumentParser(add_help=False)
    mine.error = parser.error  # type: ignore[method-assign]
    mine.add_argument("--os-auth-type", "--os-auth-plugin")
    mine.parse_known_args(argv)


def _uses_plugin(argv: abc.Sequence[str]) -> bool:
    names = ("OS_AUTH_TYPE", "OS_AUTH_PLUGIN", "OS_AUTH_URL")
    return any(os.environ.get(name) for name in names) or any(each.startswith(_PLUGIN) for each in argv)
