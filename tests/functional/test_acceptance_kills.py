# SPDX-License-Identifier: Apache-2.0
"""Acceptance: conductors are killed at some steps of their work on nodes; ``make chaos`` has all of them."""

from tests import stores
from tests.functional.chaos import kills


class ComposeKillTest(kills.ComposeKillTest):
    rounds, time_limit = 1, stores.patience(180)
    #: the points at which a machine exists that no node names, at which a request is done late, and at which drives
    #: are erased
    pairs = [
        (kills.COMPOSE[5], kills.DECOMPOSE[7]),
        (kills.COMPOSE[4], kills.DECOMPOSE[5]),
    ]


class AttachKillTest(kills.AttachKillTest):
    rounds, time_limit = 1, stores.patience(120)
    #: the points at which a device was requested, and its removal, and nobody knows
    pairs = [(kills.ATTACH[4], kills.DETACH[3])]


class AllocateKillTest(kills.AllocateKillTest):
    kills_between, others = 3, 1
    time_limit = stores.patience(240)
    #: what lets a machine be found by nothing but that it was not there before
    services = kills.AllocateKillTest.services[:2]


class AdoptKillTest(kills.AdoptKillTest):
    rounds, time_limit = 1, stores.patience(120)
