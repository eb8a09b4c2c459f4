# SPDX-License-Identifier: Apache-2.0
"""The one HTTP server of every port: API, introspection, hardware events and metrics."""
