# SPDX-License-Identifier: Apache-2.0
"""Acceptance: conductors are killed at some steps of their work on nodes; ``make chaos`` has all of them."""

from tests import stores
from tests.functional.chaos import kills


class ComposeKillTest(kills.ComposeKillTest):
    rounds, time_limit = 1, stores.patience(180)
    #: the points at which a machine exists that no node names, and at which a request is done late
    pairs = [
        (kills.COMPOSE[5], kills.DECOMPOSE[5]),
        (kills.COMPOSE[4], kills.DECOMPOSE[6]),
    ]


class AdoptKillTest(kills.AdoptKillTest):
    rounds, time_limit = 1, stores.patience(120)
