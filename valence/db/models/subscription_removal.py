# SPDX-License-Identifier: Apache-2.0
"""Event subscriptions that are left at pod managers which are no longer registered."""

from valence.db import types
from valence.db.models import base


class SubscriptionRemoval(base.ModelBaseWithTimestamp):
    """A subscription to remove from a deleted pod manager, with what is needed to sign in there."""

    path = "subscription_removals"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "podm_id": types.Text("The pod manager that was deleted.", max=36, write="never"),
        "access": types.JSON("How it is reached: its fields but the password.", default={}, write="never"),
        "password": types.Secret("Password to sign in with.", max=1024, default=""),
        "attempts": types.Integer("Attempts so far.", default=0, min=0, write="never"),
        "next_attempt_at": types.DateTime("When it is tried next.", default=None, write="never", index=True),
        "expires_at": types.DateTime("When it is given up.", default=None, write="never"),
    }
