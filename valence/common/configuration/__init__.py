# SPDX-License-Identifier: Apache-2.0
"""Every option, by group, and the check of configuration files."""
