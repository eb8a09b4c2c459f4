# SPDX-License-Identifier: Apache-2.0
"""Storage of the simulator, beyond what its documents say."""
