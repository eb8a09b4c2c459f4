# SPDX-License-Identifier: Apache-2.0
"""The dialect of ironic-inspector, versions 1.0 to 1.18: its clients and ironic-python-agent work unchanged."""
