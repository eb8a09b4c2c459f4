# SPDX-License-Identifier: Apache-2.0
"""Unit tests of the screen's files and their URLs."""
