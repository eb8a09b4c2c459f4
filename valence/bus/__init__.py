# SPDX-License-Identifier: Apache-2.0
"""The message bus: transport, calls and the servers that answer them, liveness of conductors, notifications."""

from valence import common  # noqa: F401  it chooses the backend of oslo.service, before oslo_messaging is imported
