# SPDX-License-Identifier: Apache-2.0
"""What of /v1 is not plain create, read, update, delete."""
