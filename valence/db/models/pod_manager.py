# SPDX-License-Identifier: Apache-2.0
"""Models of pod managers: their access and status, and event subscriptions that deleted ones still have."""

from valence.db import types
from valence.db.models import base
from valence.db.models import site

#: status of a pod manager that a client deleted and whose resources are being removed
DELETED = "deleted"


class PodManager(base.ModelBaseWithTimestamp):
    """A Redfish pod manager that this Valence controls."""

    path = "pod_managers"
    version = "1.3"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "name": types.Text("Name, unique here.", min=1, unique=True, example="row-7"),
        "url": types.Text(
            "Redfish service root.",
            min=8,
            max=500,
            format="uri",
            unique=True,
            example="https://10.0.0.7/redfish/v1",
        ),
        "driver": types.Text("Kind of pod manager.", max=64, default="redfish", write="create", index=True),
        "username": types.Text("User name to sign in with.", default="", example="admin"),
        "password": types.Secret("Password to sign in with.", max=1024, default=""),
        "verify_ca": types.Text(
            'How its TLS certificate is checked: "true" by the system\'s authorities, "false" not at all, else the '
            "path of a file of authorities on every conductor.",
            max=255,
            default="true",
        ),
        "tls": types.Choice(
            'Protocols and ciphers: "auto" takes TLS 1.2 with old ciphers only where the certificate is not checked, '
            '"modern" never, "legacy" takes TLS 1.0 and every cipher.',
            ["auto", "modern", "legacy"],
            default="auto",
        ),
        "description": types.Text("What an operator wants to remember of it.", max=1024, default=""),
        "maintenance": types.Boolean(
            "Whether Valence leaves it alone: no contact, no synchronization.", default=False
        ),
        "conductor_group": types.Text(
            "Group of the conductors that can serve it.", min=1, default=site.DEFAULT_GROUP, index=True
        ),
        "conductor": types.Text(
            "Conductor that serves it, or did last.", default=None, write="never", index=True
        ),
        "status": types.Choice(
            "Result of the last contacts, or that a client deleted it and its resources are being removed.",
            ["unknown", "online", "offline", DELETED],
            default="unknown",
            write="never",
            index=True,
        ),
        "last_error": types.Text("Why the last contact failed.", max=1024, default=None, write="never"),
        "last_contact_at": types.DateTime("When it last answered.", default=None, write="never"),
        "last_synced_at": types.DateTime("When it was last synchronized whole.", default=None, write="never"),
        "failures": types.Integer("Failed contacts in a row.", default=0, write="never"),
        "next_sync_at": types.DateTime(
            "When it is synchronized next.", default=None, write="never", index=True
        ),
        "redfish_uuid": types.Text(
            "UUID that its service root gives.", max=64, default=None, write="never", index=True
        ),
    }


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
