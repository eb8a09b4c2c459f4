# SPDX-License-Identifier: Apache-2.0
"""The keys of a store on etcd's v2 API."""
