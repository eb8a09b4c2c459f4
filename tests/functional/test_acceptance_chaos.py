# SPDX-License-Identifier: Apache-2.0
"""Acceptance: some seconds of chaos; ``make chaos`` has more of it."""

from tests.functional.chaos import scenario


class ShortChaosTest(scenario.ChaosTest):
    seconds, pods, seed = 15, 2, 1
