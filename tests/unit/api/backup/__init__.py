# SPDX-License-Identifier: Apache-2.0
"""Tests of the dialect of the backup service."""
