# SPDX-License-Identifier: Apache-2.0
"""The RPC endpoints, one class per namespace."""
