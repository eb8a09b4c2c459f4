# SPDX-License-Identifier: Apache-2.0
"""What was seen inside the machines: storages, hooks that process it, and moving it between storages."""
