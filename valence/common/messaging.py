# SPDX-License-Identifier: Apache-2.0
"""The bus that rpc_client.py and rpc_server.py share: its transport, and how contexts and errors travel on it.

Only these, notifications.py and what connects them, local_driver.py and rabbit_connection.py, know
oslo.messaging. The transport URL chooses the way: ``rabbit://…``, or ``local://`` in one process.
"""

import logging
import os
import typing

import oslo_messaging
from kombu import exceptions as kombu_exceptions
from oslo_config import cfg
from oslo_messaging import server
from oslo_messaging._drivers import amqp
from oslo_messaging._drivers import impl_rabbit

from valence.common import bus_errors
from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.common import rabbit_connection

EXCHANGE = "valence"
TOPIC = "valence.conductor"
#: where calls go that may take long, each kind to a queue, a connection and threads of its own
BULK_TOPIC = "valence.bulk"
DETAILS_TOPIC = "valence.details"
DELETION_TOPIC = "valence.deletion"
#: those of them that conductors of the first version do not serve
NEW_TOPICS = (DETAILS_TOPIC, DELETION_TOPIC)
VERSION = "1.0"
#: modules whose errors arrive as themselves
ERROR_MODULES = (errors.__name__, bus_errors.__name__, introspection_errors.__name__)

#: Defaults of [oslo_messaging_rabbit] that differ from the library's.
RABBIT = {
    # Requests and notifications wait in durable classic queues: these come back with a broker that was killed.
    # Quorum queues, one option away, are for clusters: on a broker alone they may stay without a leader.
    "amqp_durable_queues": True,
    # A host that lost its power is noticed after 20 s instead of 2 minutes. It also limits how long a publisher
    # waits for a broker that hangs.
    "heartbeat_timeout_threshold": 10,
    # Reconnect every second or two: the first call succeeds about 2 s after the broker is back.
    "rabbit_retry_backoff": 1,
    "rabbit_interval_max": 2,
    "kombu_reconnect_delay": 0.5,
    # One connection for each thread that sends: RPC workers of a conductor, request threads of an API.
    "rpc_conn_pool_size": 64,
}

#: Calls that a conductor works on at the same time. Each thread costs 64 KB; most calls end within milliseconds.
THREADS = 32

#: Errors of a broker that is away or refuses us. kombu's show up raw where a connection is first made.
BUS_ERRORS = (
    oslo_messaging.MessageDeliveryFailure,
    kombu_exceptions.KombuError,
    kombu_exceptions.ConnectionError,
    kombu_exceptions.ChannelError,
    OSError,
)

#: how warnings of the library begin that calls which wait at the same time cause
FALSE_ALARMS = ("Number of call queues is", "Connection pool limit exceeded")

expose = oslo_messaging.expose


def set_defaults():
    """Give oslo.messaging's options Valence's defaults, in this process and in the sample configuration."""
    oslo_messaging.set_transport_defaults(EXCHANGE)
    cfg.set_defaults([*impl_rabbit.rabbit_opts, *amqp.amqp_opts], **RABBIT)
    cfg.set_defaults(server._pool_opts, executor_thread_pool_size=THREADS)


def set_local(conf):
    """Make the bus inside the process the default; events then stay in the store, nobody else could hear them."""
    set_defaults()
    oslo_messaging.TransportURL.parse(conf)  # registers transport_url
    conf.set_default("transport_url", "local://")
    if conf.transport_url.startswith("local:"):
        conf.set_default("enabled", False, group="notifications")


def get_transport(conf, url=None):
    """Return the transport for RPC that ``url``, or else [DEFAULT] transport_url, names; it connects later."""
    set_defaults()
    transport = oslo_messaging.get_rpc_transport(conf, url=url, allowed_remote_exmods=list(ERROR_MODULES))
    rabbit_connection.use(transport)
    return transport


def get_notification_transport(conf):
    """Return the transport of [oslo_messaging_notifications] transport_url, or of [DEFAULT] without one."""
    set_defaults()
    return oslo_messaging.get_notification_transport(conf)


def bus_unavailable(error):
    """Return the BusUnavailable that says what one of BUS_ERRORS was at bottom."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return errors.BusUnavailable(reason=reason or type(error).__name__)


class Envelope(typing.NamedTuple):
    """A request's context, with the deadline of the call (see ``valence.common.deadline``) and the caller's site."""

    context: context.RequestContext
    deadline: dict | None = None
    site: str | None = None


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Carries of a request's context who asks and under which request id; never a token."""

    def serialize_context(self, ctxt):
        """Return an Envelope, or a context alone, as a dict."""
        ctxt, deadline, site = ctxt if isinstance(ctxt, Envelope) else Envelope(ctxt)
        return {
            "deadline": deadline,
            "site": site,
            "request_id": ctxt.request_id,
            "global_request_id": ctxt.global_request_id,
            "user_id": ctxt.user_id,
            "user_name": ctxt.user_name,
            "project_id": ctxt.project_id,
            "roles": ctxt.roles,
        }

    def deserialize_context(self, ctxt):
        """Return the RequestContext that a dict describes; what a newer peer adds is ignored."""
        return context.RequestContext(
            request_id=ctxt.get("request_id"),
            global_request_id=ctxt.get("global_request_id"),
            user_id=ctxt.get("user_id"),
            user_name=ctxt.get("user_name"),
            project_id=ctxt.get("project_id"),
            roles=ctxt.get("roles"),
            overwrite=False,
        )


def _is_no_false_alarm(record):
    return not str(record.msg).startswith(FALSE_ALARMS)


# It suspects a leak in the eleventh call that waits at the same time, and in the 65th connection that sends.
for _module in ("amqpdriver", "pool"):
    logging.getLogger(f"oslo_messaging._drivers.{_module}").addFilter(_is_no_false_alarm)
