# SPDX-License-Identifier: Apache-2.0
"""Work on nodes: operations that adopt, power and boot machines, with connections and threads of their own."""
