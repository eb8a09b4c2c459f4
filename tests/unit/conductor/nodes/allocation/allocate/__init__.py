# SPDX-License-Identifier: Apache-2.0
"""Tests of composing and taking apart."""
