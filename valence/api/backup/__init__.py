# SPDX-License-Identifier: Apache-2.0
"""The dialect of Freezer: its API versions 1 and 2, as its clients and schedulers speak them."""
