# SPDX-License-Identifier: Apache-2.0
"""``valence-manage``: the database and its copy, keys, and imports."""
