# SPDX-License-Identifier: Apache-2.0
"""What every part uses; imports nothing else of valence.

oslo.service's threading backend is selected here, before anything of the server imports oslo_messaging: that import
selects the eventlet backend for good when none is chosen yet.
"""

import contextlib
import sys

# oslo.service requires eventlet as a package, and futurist and others import it wherever they find it: 20 MB a process
# for nothing. Where it is hidden they do without it.
sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]

from oslo_service import backend
from oslo_service.backend import exceptions

# A tool that only reads options, such as oslo-config-generator, may have loaded oslo.messaging before us.
with contextlib.suppress(exceptions.BackendAlreadySelected):
    backend.init_backend(backend.BackendType.THREADING)
