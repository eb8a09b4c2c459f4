# SPDX-License-Identifier: Apache-2.0
"""The commands: read the configuration, build, run. The only composition root."""
