# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with introspection, in the tree of ``valence.common.errors``."""

from valence.common import errors


class HookFailed(errors.BadRequest):
    """A hook that cannot do with a ramdisk's document: ``hook``, ``reason``."""

    code = "valence.hook_failed"
    message = "The hook {hook} failed: {reason}."
    hint = "Look at the ramdisk's log; what it sent is kept as the unprocessed data."


class LookUpFailed(errors.BadRequest):
    """A ramdisk of which nobody can say what machine it runs on: ``failures`` before, ``reason``, ``known``."""

    code = "valence.look_up_failed"
    message = "{failures}Look-up failed: {reason} that is known by {known}."
    hint = "Start the introspection of the machine before it boots, and compare its addresses."


class RamdiskFailed(errors.BadRequest):
    """A document that says, or shows, that the ramdisk failed: ``reason``."""

    code = "valence.ramdisk_failed"
    message = "{reason}"
    hint = "Look at the ramdisk's log."


class ProcessingFailed(errors.BadRequest):
    """A document that hooks and rules do not come to an end with: ``seconds``."""

    code = "valence.processing_failed"
    message = "The document was not processed within {seconds} seconds."
    hint = "Look at the rules of introspection, at their regular expressions first, and at hooks of your own."


class RuleFailed(errors.BadRequest):
    """A rule that says that an introspection fails, or that cannot do what it says: ``reason``."""

    code = "valence.rule_failed"
    message = "{reason}"
    hint = "Look at the rules of introspection."


class WrongToken(errors.Forbidden):
    """A ramdisk without the token of its introspection: ``key``."""

    code = "valence.wrong_token"
    message = "A document came for the machine {key} without the token of its introspection."
    hint = (
        "Give the ramdisk the URL …/v1/continue?token= with the token that the start of the introspection answered "
        "with in the header X-Valence-Introspection-Token, start it with manage_boot=0 and boot the machine yourself, "
        "or ask an operator to set [processing] require_token."
    )


class TooManyDocuments(errors.Unavailable):
    """An address that sends more documents than it may."""

    code = "valence.too_many_documents"
    message = "Too many documents came from this address."
    hint = "Try again in a minute."
    retry_after = 10


class NoIntrospectionData(errors.NotFound):
    """A content that the storage of introspection data does not hold: ``key``, ``what``."""

    code = "valence.no_introspection_data"
    message = "There are no {what} of the machine {key}."
    hint = "Introspect the machine; the data are there when the introspection has finished."


class NothingKept(NoIntrospectionData):
    """Introspection data where the configuration says that none are kept: ``key``."""

    code = "valence.nothing_kept"
    message = "Introspection data are not kept here, so there are none of the machine {key}."
    hint = "Ask an operator to set [processing] storage_backend."


class NotKept(NoIntrospectionData):
    """Something that the storage keeps of no machine: ``storage``, ``key``, ``what``."""

    code = "valence.not_kept"
    message = "The storage {storage!r} keeps no {what}, so there are none of the machine {key}."
    hint = "Ask an operator for another [processing] storage_backend: database, file and swift keep them."


class DataChanging(errors.Unavailable):
    """A content that is being replaced for longer than a reader waits: ``key``, ``what``."""

    code = "valence.data_changing"
    message = "The {what} of the machine {key} are being replaced."


class DataDamaged(errors.Unavailable):
    """A content that is not what was stored, or is lost: ``storage``, ``key``, ``what``."""

    code = "valence.data_damaged"
    message = (
        "The {what} of the machine {key} are missing in the storage {storage!r}, or their SHA-256 is another."
    )
    hint = "Restore them in the storage, or introspect the machine again."


class StorageLacks(errors.Conflict):
    """Something that the storage of introspection data cannot do: ``storage``, ``what``."""

    code = "valence.storage_lacks"
    message = "The storage {storage!r} of introspection data cannot {what}."
    hint = "Do that in the storage itself, or ask an operator for another [processing] storage_backend."


class NotOffered(errors.Conflict):
    """Something that this kind of pod manager cannot do: ``what``."""

    code = "valence.not_offered"
    message = "The machine's pod manager offers no {what}."
    hint = "Use another kind of pod manager, or do that part by hand."


class StorageUnavailable(errors.Unavailable):
    """The storage of introspection data is away: ``storage``, ``reason``."""

    code = "valence.storage_unavailable"
    message = "The storage {storage} of introspection data is not reachable: {reason}."


class ProcessingUnavailable(errors.Unavailable):
    """A process that ends as often as it gets a document."""

    code = "valence.processing_unavailable"
    message = "The process that introspection documents are processed in ended."


class StorageUnusable(errors.ValenceError):
    """A storage of introspection data that cannot be used as configured: ``storage``, ``reason``."""

    code = "valence.storage_unusable"
    message = "The storage {storage!r} of introspection data cannot be used: {reason}."
    hint = "Correct [processing] storage_backend and the options of that storage."


class HookUnusable(errors.ValenceError):
    """A hook that cannot be used as configured: ``hook``, ``reason``."""

    code = "valence.hook_unusable"
    message = "The hook {hook!r} cannot be used: {reason}."
    hint = "Correct [processing] hooks and the options of that hook."
