# SPDX-License-Identifier: Apache-2.0
"""Tests of what is not plain create, read, update and delete."""
