# SPDX-License-Identifier: Apache-2.0
"""Events of Valence: made, published from the outbox, restored, purged."""
