# SPDX-License-Identifier: Apache-2.0
"""Files that say what a Valence shall have, the difference to what it has, and how to remove the difference."""
