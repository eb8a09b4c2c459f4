# SPDX-License-Identifier: Apache-2.0
"""Models of introspection: states, addresses, data and their versions, and rules."""

from valence.db import types
from valence.db.models import base

#: states of ironic-inspector's API; Valence passes through neither enrolling nor aborting
STATES = (
    "starting",
    "waiting",
    "processing",
    "finished",
    "error",
    "reapplying",
    "enrolling",
    "aborting",
)
#: kinds of resources that an operating system can be started on
MACHINES = ("System", "Node")
#: states in which nothing happens any more
ENDED = ("finished", "error")
#: longest part of a document, in characters, that is one row: a value of etcd has at most 1.5 MiB
PART_LENGTH = 512 * 1024


class Introspection(base.ModelBaseWithTimestamp):
    """The last introspection of one machine."""

    path = "introspections"
    version = "1.1"
    fields = {
        # Not a UUID field: those are made by Valence for each row, this one is chosen by whoever starts.
        "uuid": types.Text("The machine: uuid of a resource.", max=36, format="uuid", key=True),
        "podm_id": types.Text("Its pod manager.", max=36, default=None, write="never"),
        "state": types.Choice("Where it stands.", STATES, default="starting", write="never", index=True),
        "error": types.Text("Why it failed.", max=1024, default=None, write="never"),
        "manage_boot": types.Boolean("Whether Valence boots the ramdisk.", default=True, write="never"),
        "source": types.Choice(
            "Who looks into the machine, or that its data came from elsewhere.",
            ["ramdisk", "redfish", "migration"],
            default="ramdisk",
            write="never",
        ),
        "token": types.Text(
            "SHA-256 of what its ramdisk has to know; null is nothing.",
            max=64,
            default=None,
            write="never",
            public=False,
        ),
        "started_at": types.DateTime("When it was started.", default=None, write="never", index=True),
        "finished_at": types.DateTime("When it ended.", default=None, write="never"),
        "deadline": types.DateTime(
            "When it fails unless something happens.", default=None, write="never", index=True
        ),
        "processed": types.Text(
            "SHA-256 of the processed document; null hides what a storage may still hold.",
            max=64,
            default=None,
            write="never",
        ),
        "unprocessed": types.Text(
            "The same of the unprocessed document.", max=64, default=None, write="never"
        ),
        "logs": types.Text("The same of the ramdisk's logs.", max=64, default=None, write="never"),
    }
    indexes = (("state", "started_at"), ("state", "deadline"))


class IntrospectionAddress(base.ModelBase):
    """Something that a ramdisk can be known by, of an introspection that waits for it."""

    path = "introspection_addresses"
    kind = "introspection_address"
    fields = {
        "id": types.Text("<machine>/<attribute>/<value>.", max=320, key=True),
        "introspection_id": types.Reference(
            "The introspection.", Introspection, on_delete="cascade", write="never"
        ),
        "attribute": types.Choice(
            "What it is.", ["mac", "bmc_address", "uuid", "serial"], default="mac", write="never"
        ),
        "value": types.Text("In lower case.", max=255, write="never", index=True),
    }


class IntrospectionVersion(base.ModelBase):
    """A pair of documents of one machine, processed and unprocessed, that is kept beside later ones."""

    path = "introspection_versions"
    kind = "introspection_version"
    fields = {
        "id": types.Text("<machine>/<number>.", max=60, key=True),
        "introspection_id": types.Reference(
            "The machine.", Introspection, on_delete="cascade", write="never"
        ),
        "number": types.Integer("Its number, from 1 on.", min=1, write="never"),
        "source": types.Text("Who looked into the machine.", max=16, write="never"),
        "finished_at": types.DateTime("When it was processed.", default=None, write="never"),
        "processed": types.Text("SHA-256 of the processed document.", max=64, write="never"),
        "unprocessed": types.Text("The same of the unprocessed document.", max=64, write="never"),
    }
    indexes = (("introspection_id", "number"),)


class IntrospectionData(base.ModelBaseWithTimestamp):
    """One document of one machine, in the storage ``database``."""

    path = "introspection_data"
    version = "1.1"
    kind = "introspection_data"
    fields = {
        "id": types.Text("<machine>, or <machine>-<suffix>.", max=80, key=True),
        "uuid": types.Reference("The machine.", Introspection, on_delete="cascade", write="never"),
        "processed": types.Boolean("Whether it is the processed document.", default=False, write="never"),
        "data": types.Text("The packed document, or its first part.", max=PART_LENGTH, write="never"),
        "content_id": types.Text("Common to the parts of this content.", max=36, write="never", index=True),
        "parts": types.Integer("Further parts.", default=0, write="never"),
    }


class IntrospectionDataPart(base.ModelBase):
    """A further part of a document that is too long for one row."""

    path = "introspection_data_parts"
    kind = "introspection_data_part"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "content_id": types.Text("The content that it is a part of.", max=36, write="never", index=True),
        "number": types.Integer("Its place, from 1 on.", write="never"),
        "data": types.Text("The part.", max=PART_LENGTH, write="never"),
        "created_at": types.DateTime("When it was stored.", default=None, write="never", index=True),
    }
    indexes = (("content_id", "number"),)


class IntrospectionRule(base.ModelBaseWithTimestamp):
    """Actions that are taken if all conditions hold of a machine's document."""

    path = "introspection_rules"
    kind = "introspection_rule"
    fields = {
        # Not a UUID field: whoever makes the rule may choose it.
        "uuid": types.Text("Identifier.", max=36, format="uuid", key=True),
        "position": types.Sequence("Place in the order in which rules are applied."),
        "description": types.Text("What it is for.", max=1024, default=None),
        "scope": types.Text(
            "Name or uuid of the pod manager whose machines it is for.", max=255, default=None
        ),
        "conditions": types.JSON("What has to hold.", json_type="array", default=[]),
        "actions": types.JSON("What is done.", json_type="array", default=[]),
    }
