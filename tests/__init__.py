# SPDX-License-Identifier: Apache-2.0
"""Tests of Valence, and the fixtures they share."""

import valence  # noqa: F401  # selects the threading backend before any test imports oslo_messaging
