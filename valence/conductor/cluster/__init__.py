# SPDX-License-Identifier: Apache-2.0
"""Which conductors are alive, and which pod managers each of them serves: leases, membership, ownership, the site."""
