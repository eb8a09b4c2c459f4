# SPDX-License-Identifier: Apache-2.0
"""The Python library of clients, and the command line on top of it.

``connect`` returns a client of one Valence; ``valence.client.sdk`` adds it to connections of openstacksdk. Nothing of
the server is imported but the models, which have no imports of their own.
"""

import typing

if typing.TYPE_CHECKING:
    from keystoneauth1 import session as sessions

    from valence.client import rack

#: where the demo listens
URL = "http://127.0.0.1:8181"
#: where version 1 of Valence's own API is below the URL of the service
VERSION_1 = "/v1"
#: type of the service in Keystone's catalogue
SERVICE_TYPE = "rack"
#: seconds without an answer after which a request has failed; the API answers within 60
TIMEOUT = 70


def connect(
    url: str | None = None,
    *,
    username: str | None = None,
    password: str | None = None,
    verify: bool | str = True,
    session: "sessions.Session | None" = None,
    region_name: str | None = None,
    interface: str | list[str] | None = None,
) -> "rack.Adapter":
    """Return a client of the Valence at ``url``, by default the demo's, or at the endpoint that a session finds.

    A catalogue with several of them is searched for that of ``region_name`` and ``interface``, by default public.

    Without a session there is no authentication (``auth_strategy = noauth``), or, with a user name and a password,
    that of HTTP (``http_basic``). ``verify`` is the file of the authorities that sign its certificate.
    """
    from keystoneauth1 import http_basic  # noqa: PLC0415  a program that only shows its help needs none of these
    from keystoneauth1 import noauth  # noqa: PLC0415
    from keystoneauth1 import session as sessions  # noqa: PLC0415

    from valence import version  # noqa: PLC0415
    from valence.client import rack  # noqa: PLC0415

    if session is None:
        base = endpoint(url or URL)
        plugin: typing.Any = (
            noauth.NoAuth(endpoint=base)
            if username is None
            else http_basic.HTTPBasicAuth(endpoint=base, username=username, password=password)
        )
        session = sessions.Session(auth=plugin, verify=verify, timeout=TIMEOUT)
        url = url or URL
    where: dict[str, typing.Any] = (
        {"endpoint_override": endpoint(url)} if url else {"min_version": "1", "max_version": "1.latest"}
    )
    return rack.Adapter(
        session,
        service_type=SERVICE_TYPE,
        region_name=region_name,
        interface=interface,
        client_name="python-valence",
        client_version=version.version_string(),
        **where,
    )


def endpoint(url: str, at: str = VERSION_1) -> str:
    """Return the URL of a dialect, by default of Valence's own API, from the URL of the service or of its version 1."""
    return f"{url.rstrip('/').removesuffix(VERSION_1)}{at}"
