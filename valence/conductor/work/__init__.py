# SPDX-License-Identifier: Apache-2.0
"""Work on pod managers: operations, due synchronizations, deletions, and the threads for them."""
