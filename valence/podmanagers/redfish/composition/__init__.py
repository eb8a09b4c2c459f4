# SPDX-License-Identifier: Apache-2.0
"""Composition by Redfish: what services offer for it, and how each way is spoken (DSP0266, "Composability")."""
