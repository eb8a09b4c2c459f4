# SPDX-License-Identifier: Apache-2.0
"""The crawl of a Redfish service: links, collections, properties, and pace."""
