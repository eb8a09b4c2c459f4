# SPDX-License-Identifier: Apache-2.0
"""Commands for operations."""

import argparse

from valence.client import rows
from valence.client.commands import base
from valence.db import models

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class ListOperations(base.List):
    """List operations, the newest first"""

    subject, model = "operations", models.Operation
    empty = "Every change that takes time is one, such as {program} pod manager sync."
    columns = ("uuid", "operation_kind", "target_kind", "target_id", "state", "created_at")
    narrow = ("uuid", "operation_kind", "state")
    example = "--property state=in:pending,running"


class ShowOperation(base.Show):
    """Show an operation"""

    subject = "operations"
    example = UUID


class WaitForOperation(base.Wait, base.One):
    """Wait until an operation has ended; fails if the operation did"""

    subject = "operations"
    example = f"{UUID} --timeout 60"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        base.add_name(parser, self.subject)
        base.add_timeout(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        return self.shown(self.end_of(parsed.name, parsed))


class CancelOperation(base.Operate):
    """Cancel an operation"""

    subject = "operations"
    example = UUID

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        return self.rack.operations.cancel(parsed.name, idempotency_key=parsed.idempotency_key)


class RetryOperation(base.Operate):
    """Do again what an operation did not do"""

    subject = "operations"
    example = f"{UUID} --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        return self.rack.operations.retry(parsed.name, idempotency_key=parsed.idempotency_key)
