# SPDX-License-Identifier: Apache-2.0
"""The message bus: transport, calls and the servers that answer them, liveness of conductors, notifications."""
