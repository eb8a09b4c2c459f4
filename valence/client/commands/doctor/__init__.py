# SPDX-License-Identifier: Apache-2.0
"""``valence doctor``: checks of a site through its API, and what they have in common with those of a host.

The checks of a host need the configuration and the packages of the server: ``valence.cmd.doctor``.
"""
