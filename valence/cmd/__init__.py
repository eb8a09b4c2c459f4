# SPDX-License-Identifier: Apache-2.0
"""The commands of the server: read the configuration, build, run. The only composition root."""

import importlib.util
import sys

# The package alone brings the client. Its installation has these commands, too, and they would end in a traceback.
if importlib.util.find_spec("oslo_messaging") is None:
    sys.exit(
        "The server of Valence is not installed here, only its client. "
        "Install it into the same environment: pip install 'valence[server]'."
    )
