# SPDX-License-Identifier: Apache-2.0
"""Tests of Valence, and the fixtures they share."""

import valence.common  # noqa: F401  # selects the threading backend before any test imports oslo_messaging
