# SPDX-License-Identifier: Apache-2.0
"""The rules of the backup service: documents, searches, jobs and sessions, over models and a store."""
