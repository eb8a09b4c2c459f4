# SPDX-License-Identifier: Apache-2.0
"""The contract of the store by examples: one suite, run over every driver on its real server.

A new driver is one more line in ``tests.contract.databases.DATABASES``.
"""
