# SPDX-License-Identifier: Apache-2.0
"""The screen: static files for browsers, below /ui/."""
