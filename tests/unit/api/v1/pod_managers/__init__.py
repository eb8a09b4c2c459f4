# SPDX-License-Identifier: Apache-2.0
"""Tests of valence.api.v1.pod_managers."""
