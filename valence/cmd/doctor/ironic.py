# SPDX-License-Identifier: Apache-2.0
"""Check of [ironic]: that its libraries are here, that it says how to sign in, and that Ironic answers."""

from valence.common import composition_errors
from valence.common.configuration import extras
from valence.conductor.nodes.ironic import access

#: seconds that Ironic has to answer
SECONDS = 5.0
#: a node that nobody has
NOBODY = "00000000-0000-0000-0000-000000000000"
FAILURES = (
    composition_errors.IronicNotConfigured,
    composition_errors.IronicRefused,
    composition_errors.IronicUnavailable,
)


def examine(report, conf, examined):
    """Ask Ironic for a node, where the configuration has one."""
    if all(examined.value("ironic", name) is None for name in ("auth_type", "auth_section")):
        return
    try:
        access.Ironic(conf).client().node(NOBODY, timeout=SECONDS)
    except extras.PackageMissing as error:
        report.add("ironic.unusable", error.detail, command="pip install 'valence[ironic]'")
    except FAILURES as error:
        report.add(
            "ironic.unusable",
            error.detail,
            error.problems[0]["hint"],
            command=f"sudoedit {examined.paths[-1]}",
        )
