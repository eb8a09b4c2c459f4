# SPDX-License-Identifier: Apache-2.0
"""Handlers of /v1 beyond the plain verbs of ``valence.api.model.crud``."""
