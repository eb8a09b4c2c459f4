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
    "notification_samples",
    "oslo_config.sphinxext",
    "oslo_policy.sphinxext",
    "reno.sphinxext",
]
exclude_patterns = ["_ext"]
nitpicky = True
smartquotes = False

html_theme = "furo"
html_title = "Valence"
html_static_path = ["_static"]
html_show_sphinx = False
