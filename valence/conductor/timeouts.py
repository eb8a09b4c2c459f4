# SPDX-License-Identifier: Apache-2.0
"""How long a call of a conductor may take."""

#: seconds that a call may take which needs the store alone; short, so that a dead conductor is noticed
STORE_TIMEOUT = 2.5
#: seconds that a call may take which works on a pod manager, or on very many rows
LONG_TIMEOUT = 60
