# SPDX-License-Identifier: Apache-2.0
"""Events that pod managers send: subscriptions, the receiver, and the hints that events give."""
