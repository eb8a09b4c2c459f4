# SPDX-License-Identifier: Apache-2.0
"""What is made of a document: plain functions from bytes to bytes, so that they can run anywhere."""

import typing

from valence.common import introspection_errors
from valence.introspection import documents
from valence.introspection import redaction
from valence.introspection.hooks import hook
from valence.introspection.rules import rules


class Prepared(typing.NamedTuple):
    """A document of which nobody knows yet what machine it is of.

    ``unprocessed`` is what is kept of it, ``logs`` what a ramdisk sent with it, or None; ``failures`` are texts.
    """

    unprocessed: bytes
    processed: bytes
    logs: bytes | None
    addresses: dict
    failures: list


class Processing:
    """The hooks, the rules and the redaction of a configuration; raise HookUnusable if it makes no sense."""

    def __init__(self, conf):
        self._hooks, self._redaction = hook.Hooks(conf), redaction.Redaction(conf.processing.redact)
        self._max_depth = conf.processing.max_json_depth

    def prepare(self, data, *, is_from_ramdisk=False):
        """Return the Prepared form of a document; raise BadRequest. Ramdisks send logs, and say when they failed."""
        document = documents.parse(data, self._max_depth)
        # No document keeps them: they are stored by themselves, or were when the document came first.
        logs, told = document.pop("logs", None), []
        if is_from_ramdisk:
            told = _told_failures(document)
        unprocessed = self._kept(document)
        failures = [*told, *(failure.detail for failure in self._hooks.before(document))]
        return Prepared(
            unprocessed,
            documents.dump(document),
            documents.decode_logs(logs) if logs and is_from_ramdisk else None,
            documents.of_document(document),
            failures,
        )

    def complete(self, data, known_rules, machine):
        """Return what is kept of the ``processed`` of a Prepared after hooks and rules; raise HookFailed, RuleFailed.

        ``machine`` is what rules may ask for, None where there are none.
        """
        document = documents.parse(data)
        self._hooks.after(document)
        rules.apply(known_rules, document, machine)
        return self._kept(document)

    def _kept(self, document):
        """Return a document as it is stored."""
        return documents.dump(self._redaction.hide(document), is_sorted=True)


def _told_failures(document):
    """Return what a ramdisk says itself that went wrong, as a list."""
    told = document.get("error")
    if not told:
        return []
    text = told if isinstance(told, str) else documents.dump(told).decode()
    return [introspection_errors.RamdiskFailed(reason=f"The ramdisk reports: {text}").detail]
