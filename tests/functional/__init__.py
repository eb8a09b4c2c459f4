# SPDX-License-Identifier: Apache-2.0
"""Tests over several processes and the real servers."""
