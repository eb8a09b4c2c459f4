# SPDX-License-Identifier: Apache-2.0
"""Everything is killed, paused and restarted at random, for a while; then nothing may be lost, doubled or wrong."""
