# SPDX-License-Identifier: Apache-2.0
"""What makes a method of an endpoint callable over the bus."""

import functools

from valence.common import messaging
from valence.conductor import metrics


def rpc(method):
    """Serve a method to clients: it runs under the request id, user and roles of whoever asked.

    It takes a RequestContext and JSON values as keywords, returns a JSON value and raises ValenceErrors, which
    arrive as themselves. Anything else that it raises is logged with its traceback and arrives as Internal;
    ``valence.common.rpc_server.Edge`` sees to that.
    """

    @functools.wraps(method)
    def under_context(self, context, **kwargs):
        # Where oslo.log looks for what every log line tells of its request.
        context.update_store()
        with metrics.rpc(f"{self.namespace}.{method.__name__}"):
            return method(self, context, **kwargs)

    return messaging.expose(under_context)
