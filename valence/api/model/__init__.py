# SPDX-License-Identifier: Apache-2.0
"""What follows from a model: plain verbs, queries, JSON schemas, the OpenAPI document."""
