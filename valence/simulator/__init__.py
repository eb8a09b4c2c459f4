# SPDX-License-Identifier: Apache-2.0
"""A Redfish pod manager over HTTP to try Valence on: racks of any size, power, health, faults."""
