# SPDX-License-Identifier: Apache-2.0
"""Tests of the REST API, over the conductor's own endpoints and an embedded database."""
