# SPDX-License-Identifier: Apache-2.0
"""WSGI modules for a web server of the operator's choice."""
