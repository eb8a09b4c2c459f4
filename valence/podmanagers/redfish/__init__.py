# SPDX-License-Identifier: Apache-2.0
"""Pod managers that speak Redfish."""
