# SPDX-License-Identifier: Apache-2.0
"""HTTP to one Redfish service: connections, sign-in, streams, failures."""
