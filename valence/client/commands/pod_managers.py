# SPDX-License-Identifier: Apache-2.0
"""Commands for pod managers."""

import argparse

from valence.client import rows
from valence.client.commands import base
from valence.db import models


class ListPodManagers(base.List):
    """List pod managers"""

    subject, model = "pod_managers", models.PodManager
    columns = ("uuid", "name", "url", "status", "conductor", "last_synced_at")
    narrow = ("uuid", "name", "status")
    empty = "Register one: {program} pod manager create --help"
    example = "--property status=offline -c name -c last_error"


class ShowPodManager(base.Show):
    """Show a pod manager"""

    subject = "pod_managers"
    example = "row-7"


class CreatePodManager(base.Create):
    """Register a pod manager"""

    subject, model = "pod_managers", models.PodManager
    example = "row-7 --url https://10.0.0.7/redfish/v1 --username admin --password-file password.txt"


class SetPodManager(base.Set):
    """Change a pod manager"""

    subject, model = "pod_managers", models.PodManager
    example = "row-7 --description 'the new row' --maintenance"


class UnsetPodManager(base.Unset):
    """Set fields of a pod manager back to their defaults"""

    subject, model = "pod_managers", models.PodManager
    example = "row-7 --description --maintenance"


class DeletePodManager(base.Delete):
    """Remove pod managers; the hardware stays as it is"""

    subject, has_force = "pod_managers", True
    example = "row-7 --wait"


class SyncPodManager(base.Operate):
    """Synchronize what a pod manager has"""

    subject = "pod_managers"
    example = "demo --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        row = self.rows.find(parsed.name)
        return self.rack.pod_managers.sync(row, idempotency_key=parsed.idempotency_key)
