# SPDX-License-Identifier: Apache-2.0
"""What every part uses; imports nothing else of valence."""
