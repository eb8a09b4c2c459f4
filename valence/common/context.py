# SPDX-License-Identifier: Apache-2.0
"""Who asks, and under which request id: carried from the HTTP request over the bus into every log line and event."""

from oslo_context import context


class RequestContext(context.RequestContext):
    """The context of one request; ``to_dict`` and ``from_dict`` are its form on the bus."""

    #: ``time.monotonic()`` at which the credentials expire, or have to be shown again; None if they do not
    expires: float | None = None

    @property
    def actor(self):
        """Return who asked, for operations and events: the user id, or None without authentication."""
        return self.user_id


def service_context():
    """Return the context of work that a conductor does by itself."""
    return RequestContext(user_id=None, roles=["service"], overwrite=False)
