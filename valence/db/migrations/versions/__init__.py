# SPDX-License-Identifier: Apache-2.0
"""The migrations of SQL databases, one a file; the names of the files begin with the versions that they lead to."""
