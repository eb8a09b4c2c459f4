# SPDX-License-Identifier: Apache-2.0
"""The conductor: it alone owns the store and the connections to pod managers."""
