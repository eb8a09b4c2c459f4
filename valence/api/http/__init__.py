# SPDX-License-Identifier: Apache-2.0
"""Requests and responses: the application, authentication, request bodies, entity tags, errors, health, versions."""
