# SPDX-License-Identifier: Apache-2.0
"""The history: events, the stream of them, and the notifications on the message bus."""
