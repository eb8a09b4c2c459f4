# SPDX-License-Identifier: Apache-2.0
"""What the stores on etcd's two APIs have in common, and each API's own part."""
