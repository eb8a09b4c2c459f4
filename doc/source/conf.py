# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds this documentation: 'make docs'."""

import pathlib
import sys

SOURCE = pathlib.Path(__file__).parent
ROOT = SOURCE.parents[1]
sys.path[:0] = [str(ROOT), str(SOURCE / "_ext")]

project = "Valence"
copyright = "the authors of Valence, Apache License 2.0"
extensions = [
    "client_commands",
    "generated_reference",
    "library_reference",
    "notification_samples",
    "oslo_config.sphinxext",
    "oslo_policy.sphinxext",
    "reno.sphinxext",
]
exclude_patterns = ["_ext"]
nitpicky = True
smartquotes = False

COMMANDS = {
    "valence": "command line of Valence",
    "valence-api": "REST API of Valence",
    "valence-conductor": "conductor of Valence",
    "valence-all-in-one": "Valence in one process",
    "valence-simulator": "simulated Redfish pod manager",
    "valence-manage": "administer the database and the keys of Valence",
    "valence-migrate-data": "move introspection data between storages",
    "valence-status": "check an installation before an upgrade",
}
#: in section 1 of the manual; the others are commands of administrators, in section 8
OF_USERS = ("valence",)
man_pages = [
    (f"man/{command}", command, about, ["the authors of Valence"], 1 if command in OF_USERS else 8)
    for command, about in COMMANDS.items()
]

html_theme = "furo"
html_title = "Valence"
html_static_path = ["_static"]
html_show_sphinx = False
