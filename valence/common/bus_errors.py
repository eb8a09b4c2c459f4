# SPDX-License-Identifier: Apache-2.0
"""Why a call was not made, or had no effect, although bus, conductor and database are there."""

from valence.common import errors


class SiteMismatch(errors.Unavailable):
    """Two sites on one message bus: ``mine`` is the caller's, ``other`` the conductor's."""

    code = "valence.site_mismatch"
    message = (
        "This is of the site {mine}, and the message bus also carries the site {other}; nothing was done."
    )
    hint = "Give each site a virtual host of its own in [DEFAULT] transport_url, or its identity in [DEFAULT] site."
    retry_after = 60


class GroupUnserved(errors.ConductorUnavailable):
    """A pod manager whose conductor group no living conductor serves."""

    code = "valence.group_unserved"
    message = "No conductor that is alive serves the conductor_group of the pod manager."
    hint = "Start a conductor with that group in [conductor] groups, or change the pod manager's conductor_group."
    retry_after = 60


class Busy(errors.Unavailable):
    """Too many calls of a kind that takes long are being worked on: ``what`` they do."""

    code = "valence.busy"
    message = "Too many requests {what} are being worked on."
    hint = "Try again in some seconds; other requests are served."
    retry_after = 5


class TooLate(errors.Unavailable):
    """A call whose caller does not wait any more."""

    code = "valence.too_late"
    message = "The request took too long; nothing was changed."


class PodManagerHangs(errors.PodManagerUnreachable):
    """A pod manager that gets no further request for a while: ``url``, ``seconds`` that an earlier one has waited."""

    status, code, title = 503, "valence.pod_manager_hangs", "Service Unavailable"
    message = "The pod manager at {url} has not answered another request for {seconds} s."
    hint = "Try again after the seconds in Retry-After: while it does not answer, one request at a time is sent to it."
    retry_after = 5
