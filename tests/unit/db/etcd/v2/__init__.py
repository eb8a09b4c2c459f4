# SPDX-License-Identifier: Apache-2.0
"""Tests of what the stores on etcd are made of."""
