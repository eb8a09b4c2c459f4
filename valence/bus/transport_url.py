# SPDX-License-Identifier: Apache-2.0
"""Checks transport URLs: explains what is wrong with one, without showing the password in it."""

import contextlib
import typing

import oslo_messaging

from valence.common import errors

HINT = (
    "Correct it; an example is rabbit://USER:PASSWORD@HOST:5672/VHOST. In user and password, write each of @ : / # ? % "
    "as its percent-encoding: @ is %40."
)
PORTS = range(1, 65536)


@contextlib.contextmanager
def explained(option: str) -> typing.Iterator[None]:
    """Raise ConfigurationInvalid, which names ``option``, where oslo.messaging cannot load the driver of a URL.

    The errors of oslo.messaging and of urllib may show the password.
    """
    try:
        yield
    except oslo_messaging.DriverLoadFailure as error:
        raise _invalid(option, f"there is no driver {error.driver}") from None
    except ImportError as error:
        raise _invalid(option, f"its driver needs the Python module {error.name}") from None
    except oslo_messaging.InvalidTransportURL:
        raise _invalid(option, "it does not begin with the name of a driver and ://") from None
    except ValueError:
        raise _invalid(option, "a host or a port in it is not valid") from None


def require_ports(transport: oslo_messaging.Transport, option: str) -> None:
    """Raise ConfigurationInvalid, which names ``option``, unless the ports of all hosts are possible."""
    for host in transport._driver._url.hosts:
        if host.port is not None and host.port not in PORTS:
            reason = f"the port {host.port} of {host.hostname} is not from {PORTS[0]} to {PORTS[-1]}"
            raise _invalid(option, reason)


def _invalid(option: str, reason: str) -> errors.ConfigurationInvalid:
    detail = f"{option} cannot be used: {reason}."
    return errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": HINT}])
