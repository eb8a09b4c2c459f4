# SPDX-License-Identifier: Apache-2.0
"""Rules of introspection: what is done when something was found in a machine."""

from valence.db import types
from valence.db.models import base


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
